"""The way in as a site declares it: examples/pegasus has one, and Proxmox learns nothing of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from tests.unit.plan.pegasus import SITE, actual

from homeprod.core.diagnostic import SiteError
from homeprod.network.expectations import try_expectations
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.configured import advise_configuring
from homeprod.site.entry.doors import is_own_machine
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.place import locate_machine, locate_proxied, locate_upstream
from homeprod.site.entry.table import find_certificate, find_proxy, list_claims
from homeprod.site.entry.target import read_target
from homeprod.site.entry.upstream import read_upstream
from homeprod.site.loader import load_site
from homeprod.site.machine import Environment
from homeprod.site.notes import find_notes
from homeprod.site.site import Site

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


@pytest.fixture(scope="module")
def pegasus() -> Site:
    return load_site(PEGASUS)


@pytest.fixture(scope="module")
def entry(pegasus: Site) -> Entry:
    assert pegasus.entry is not None
    return pegasus.entry


def test_the_table_of_pegasus(entry: Entry) -> None:
    assert (entry.passthrough, entry.default) == ("prod-proxy-passthrough", "prod-proxy")
    assert [(route.name, route.to) for route in entry.routes] == [("*.lab.pegasuspad.com", "lab-proxy")]
    demo = next(claim for claim in list_claims(entry) if claim.service.name == "demo")
    assert (demo.name, demo.proxy.machine) == ("demo.lab.pegasuspad.com", "lab-proxy")
    assert [str(one) for one in demo.service.upstreams] == ["http://lab-coder:8080"]


def test_where_its_machines_are(pegasus: Site, entry: Entry) -> None:
    """prod-proxy's door for the passthrough is on .6, the LAN's on .5."""
    proxy = find_proxy(entry, "prod-proxy")
    assert proxy is not None
    inside, outside = locate_machine(pegasus, "prod-proxy"), locate_proxied(pegasus, proxy)
    assert inside is not None
    assert outside is not None
    assert (str(inside.address), str(outside.address)) == ("10.111.1.5", "10.111.1.6")


def test_proxmox_learns_nothing_of_the_way_in() -> None:
    assert SITE.entry is not None
    without = replace(SITE, entry=None)
    assert desire(without) == desire(SITE)
    ours, bare = (diff(site, actual(), lambda _: "n") for site in (SITE, without))
    assert ours == bare


def test_upstreams_are_machines_reserved_numbers_and_addresses(pegasus: Site) -> None:
    for text, name, address in (
        ("http://lab-coder:8080", "lab-coder", "10.111.1.21"),
        ("http://gitea-green:3000", "gitea-green", "10.111.1.206"),
        ("http://10.111.1.206", "gitea-green", "10.111.1.206"),
        ("http://10.111.1.6", "prod-proxy", "10.111.1.6"),
        ("https://[2001:db8::1]", "", "2001:db8::1"),
    ):
        place = locate_upstream(pegasus, read_upstream(text))
        assert place is not None
        assert (place.name, str(place.address)) == (name, address), text
    assert locate_upstream(pegasus, read_upstream("http://nobody:80")) is None


@pytest.mark.parametrize(
    "text",
    [
        *("demo", "ftp://demo", "http://demo:0", "http://demo:65536", "http://demo:80/x", "http://u@demo", "http://"),
        *(
            "http://a b",
            "http://demo\n",
            "http://d;:80",
            "http://demo.example",
            "http://[::1%eth0]:80",
            "http://Demo",
        ),
        5,
    ],
)
def test_what_is_no_upstream(text: object) -> None:
    with pytest.raises(ValueError, match=r"upstream|machine|port|text"):
        read_upstream(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("demo.example", "https://demo.example/"),
        ("HTTP://Demo.Example", "http://Demo.Example/"),
        ("http://demo.example:443?x", "http://demo.example:443/?x"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]/"),
        ("10.0.0.1", "https://10.0.0.1/"),
        ("demo.example.", "https://demo.example./"),
    ],
)
def test_targets_are_kept_as_a_client_sends_them(text: str, kept: str) -> None:
    assert str(read_target(text)) == kept


@pytest.mark.parametrize(
    "text", ["", "a b", "a\0b", 'a"b', "a;b", "u@a", "https://a:8443/", "ftp://a", "[::g]", "é ", 4]
)
def test_what_is_no_target(text: object) -> None:
    with pytest.raises(ValueError):
        read_target(text)


def test_which_certificate_a_name_has(entry: Entry) -> None:
    proxy = find_proxy(entry, "prod-proxy")
    assert proxy is not None
    found = {claim.name: find_certificate(proxy, claim.name) for claim in list_claims(entry) if claim.proxy is proxy}
    labels = {name: one.label for name, one in found.items() if one is not None}
    assert labels.keys() == found.keys()
    assert labels["coder.pegasuspad.com"] == "pegasuspad.com"
    assert labels["*.coder.pegasuspad.com"] == "_.coder.pegasuspad.com"


def test_the_table_of_the_how_to_is_one(tmp_path: Path) -> None:
    """On the machines that it names."""
    cases, modules = PEGASUS.parents[1] / "tests" / "cases" / "sites", tmp_path / "modules"
    modules.mkdir()
    text = (PEGASUS.parents[1] / "docs" / "how-to" / "entry.md").read_text(encoding="utf-8")
    (modules / "_entry.py").write_text(text.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    (modules / "_config.py").write_text((cases / "_config.py.txt").read_text(encoding="utf-8"), encoding="utf-8")
    machine = (cases / "entry" / "demo_vm.py.txt").read_text(encoding="utf-8")
    for number, name in enumerate(("front", "lab_proxy", "prod_proxy", "lab_coder", "gitea"), start=60):
        module = machine.replace("number=43", f"number={number}")
        (modules / f"{name}_vm.py").write_text(module, encoding="utf-8")
    site = load_site(tmp_path)
    assert site.entry is not None
    assert [trial.problem for trial in try_expectations(site, site.entry)] == [""]


def test_notes_on_what_nobody_brings_about(tmp_path: Path) -> None:
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    module, config = root / "modules" / "_entry.py", root / "modules" / "lab_proxy_vm.py"
    route = 'routes=(Route("*.lab.pegasuspad.com", to="lab-proxy"),'
    assert route in module.read_text(encoding="utf-8")
    module.write_text(
        module.read_text(encoding="utf-8").replace(route, f'{route} Route("old.example", to="lab-proxy"),'),
        encoding="utf-8",
    )
    config.write_text(config.read_text(encoding="utf-8").replace("people=(ansible, sean)", "people=(sean,)"))
    found = [note for note in find_notes(load_site(root)) if note.file == "modules/_entry.py"]
    assert found[0].hint == "write into modules/lab_proxy_vm.py:\n\n  people=(sean, ansible),"
    notes = [note.message for note in found]
    idle = "no control node configures lab-proxy, so nobody brings it its part of the way in"
    assert notes == [
        f"{idle}: none of its people is a ControlUser, to log in as",
        "the route old.example leads to lab-proxy, which serves no such name",
    ]


def test_the_gateway_may_be_a_machine_that_was_there_before(tmp_path: Path) -> None:
    """It has the network's own gateway number, which no other machine may have."""
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    module, config = root / "modules" / "_entry.py", root / "modules" / "_config.py"
    (root / "modules" / "router_vm.py").write_text(
        "from homeprod import AdoptedVirtualMachine\nfrom modules._config import prod\n\n"
        "vm = AdoptedVirtualMachine(vmid=5000, number=1, environment=prod)\n",
        encoding="utf-8",
    )
    config.write_text(config.read_text(encoding="utf-8").replace('        1: "opnsense",\n', ""), encoding="utf-8")
    with pytest.raises(SiteError, match="1 mistake"):
        load_site(root)
    text = module.read_text(encoding="utf-8").replace("GiB, Proxy", "Gateway, GiB, Proxy")
    gateway = 'gateway=Gateway(wan="ens19", machine="router"),'
    module.write_text(text.replace("    default=", f"    {gateway}\n    default="), encoding="utf-8")
    site = load_site(root)
    assert site.entry is not None
    assert site.entry.gateway is not None
    (note,) = [note for note in find_notes(site) if "router" in note.message]
    idle = "no control node configures router, so nobody brings it its part of the way in"
    assert note.message == f"{idle}: none of its people is a ControlUser, to log in as"
    assert note.hint == "write into modules/router_vm.py:\n\n  people=(ansible,),"


@pytest.mark.parametrize(
    ("text", "is_own"),
    [
        *(("127.0.0.9", True), ("::1", True), ("::", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", True)),  # noqa: S104
        *(("10.111.1.5", False), ("fd00::1", False), ("::ffff:10.0.0.1", False)),
    ],
)
def test_what_leads_back_to_the_machine_that_asks(text: str, is_own: bool) -> None:
    assert is_own_machine(ip_address(text)) is is_own


def test_what_to_write_where_no_control_node_is_named(pegasus: Site) -> None:
    site, environment = pegasus, Environment(name="bare")
    bare = site.machines["lab-proxy"]
    declared = replace(bare, machine=bare.machine.model_copy(update={"environment": environment}))
    assert advise_configuring(site, declared) == 'write into the Environment bare:\n\n  control_node="lab-ansible",'
    alone = replace(site, machines={"lab-proxy": declared})
    assert "docs/how-to/control-node.md" in advise_configuring(alone, declared)
    named = replace(bare, machine=bare.machine.model_copy(update={"people": ()}))
    alone = replace(site, machines={"lab-proxy": named})
    assert advise_configuring(alone, named).endswith('  people=(ControlUser(name="ansible"),),')
