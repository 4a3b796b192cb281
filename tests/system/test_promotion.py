"""From a commit to prod and back: real git hosts, the real control node, the real Ansible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.promoted_site import HOSTS, PromotedSite, RunningNode, fill, lead_to, make_settings, make_site
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


def test_a_good_change_is_tried_and_its_records_let_it_go_on(running: Running) -> None:
    site, node = running
    revision = site.commit(content="second")
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert code == 0, out + said
    assert site.heads()["lab"] == revision
