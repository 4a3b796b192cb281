"""From a commit to prod and back: real git hosts, the real control node, the real Ansible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.promoted_site import (
    ALWAYS,
    BROKEN,
    HOSTS,
    TASKS,
    PromotedSite,
    RunningNode,
    fill,
    lead_to,
    make_settings,
    make_site,
)
from tests.reference_schema import open_validator
from tests.system.site_lab import open_site_lab

from homeprod.control.places import Places
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.wiring.doorbell import CERTIFICATE_FILE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[PromotedSite, RunningNode]]:
    with open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as site_lab:
        playbooks, vault, key = make_site(site_lab.root, tmp_path / "git")
        clone, secrets = fill(playbooks, vault, tmp_path / "hosts")
        assert site_lab.apply("--only", "lab-ansible") == 0
        places = Places.below(tmp_path / "node")
        with RunningNode(places, make_settings(playbooks, vault, key, has_gate=False)) as node:
            node.configure(*HOSTS)
        with RunningNode(places, make_settings(playbooks, vault, key)) as node:
            files = {CERTIFICATE_FILE: node.certificate}
            monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", lambda _s, _n, _v, path: files.get(path))
            monkeypatch.setattr(ProxmoxHypervisor, "ping_agent", lambda *_: True)
            monkeypatch.setattr("homeprod.wiring.doorbell.choose_connection", lead_to(node))
            monkeypatch.setenv("HOMEPROD_RING_KEY", str(key))
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
            monkeypatch.setattr("homeprod.cli.promotion.trial._PAUSE", 0.1)
            yield PromotedSite(site_lab.root, playbooks, clone, secrets, tmp_path / "hosts", capsys), node


Running = tuple[PromotedSite, RunningNode]


def test_what_is_bad_is_stopped_by_its_trial_and_told_for_those_that_it_stands_for(running: Running) -> None:
    site, node = running
    before = site.heads()["prod"]
    pages = {host: site.page(host) for host in HOSTS}

    site.commit(BROKEN)
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert code == 1, said
    assert "lab-proxy: red  counts for prod-proxy too  run " in out
    assert "nothing_of_that_name" in out
    assert "its trial on lab-proxy was red: run " in site.run("trials")[1]

    site.commit(TASKS + ALWAYS, content="always")
    code, told = site.read("promote", "HEAD", "--to", "lab", "--yes")
    open_validator("promote").validate(told)
    [tried] = told["tried"]
    assert (code, tried["result"], tried["counts_for"]) == (1, "red", ["lab-proxy", "prod-proxy"])
    assert tried["why"] == f"not idempotent: base : the time changed something again (run {tried['runs'][1]})"
    assert site.run("promote", "HEAD", "--to", "prod", "--yes")[0] == 2

    site.commit(content="good")
    assert site.run("promote", "HEAD", "--to", "lab", "--yes")[0] == 0
    count = len(node.runs("lab-proxy"))
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert (code, out) == (0, "nothing is left to be tried\n")
    assert f"lab is at {site.heads()['lab'][:12]} already\nlab-proxy: its record counts still" in said
    assert len(node.runs("lab-proxy")) == count

    (site.at / "lab-proxy" / "page").unlink()
    (site.at / "lab-proxy" / "page").mkdir()  # a repeat that fails takes the record away
    assert site.run("promote", "HEAD", "--to", "lab", "--yes", "--again")[0] == 1
    assert "its trial on lab-proxy was red: run " in site.run("trials")[1]

    assert site.heads()["prod"] == before
    assert {host: site.page(host) for host in HOSTS if host != "lab-proxy"} == {
        host: page for host, page in pages.items() if host != "lab-proxy"
    }
    assert {run.revision for host in ("prod-proxy", "prod-proxy-passthrough") for run in node.runs(host)} == {before}
