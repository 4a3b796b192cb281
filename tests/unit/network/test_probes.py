"""What is asked of an nginx when it is delivered: every name, where its clients ask for it."""

from __future__ import annotations

from pathlib import Path

import yaml

from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.probe import Probe
from homeprod.network.rendered.probes import probe_passthrough, probe_proxy, render_probes
from homeprod.site.loader import load_site

PEGASUS = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
ENTRY = PEGASUS.entry
assert ENTRY is not None


def test_each_name_is_asked_for_from_the_lan_and_from_outside() -> None:
    assert ENTRY is not None
    probes = probe_proxy(PEGASUS, ENTRY, ENTRY.proxies[1])
    asked = {(probe.address, probe.port) for probe in probes if probe.name == "git.pegasuspad.com"}
    assert asked == {("10.111.1.5", 443), ("10.111.1.5", 80), ("10.111.1.4", 443)}
    near = {probe.address for probe in probes if probe.name == "collabora.home.pegasuspad.com"}
    assert near == {"10.111.1.5"}
    [star] = {probe.certificate for probe in probes if probe.name == "homeprod-probe.coder.pegasuspad.com"} - {""}
    assert star == "/etc/homeprod/certificates/_.coder.pegasuspad.com/chain.pem"


def test_the_passthrough_is_asked_for_what_is_public() -> None:
    assert ENTRY is not None
    names = {probe.name for probe in probe_passthrough(PEGASUS, ENTRY)}
    assert {"demo.lab.pegasuspad.com", "git.pegasuspad.com"} < names
    assert "collabora.home.pegasuspad.com" not in names


def test_the_collection_reads_what_is_written() -> None:
    assert ENTRY is not None
    probes = probe_proxy(PEGASUS, ENTRY, ENTRY.proxies[0])
    read = [Probe(**probe) for probe in yaml.safe_load(render_probes(probes))]
    assert [vars(probe) for probe in read] == [{name: getattr(one, name) for name in one.__slots__} for one in probes]
    assert yaml.safe_load(render_probes(())) == []
