"""A promoted site with its control node running, as `homeprod promote` meets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.promoted_site import HOSTS, PromotedSite, RunningNode, fill, lead_to, make_settings, make_site
from tests.system.site_lab import open_site_lab

from homeprod.control.places import Places
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.wiring.doorbell import CERTIFICATE_FILE

Running = tuple[PromotedSite, RunningNode]


@contextmanager
def open_running(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, has_gate: bool = True
) -> Iterator[Running]:
    """Every host was configured once, before there was a gate. Without ``has_gate`` the node has not heard of it."""
    with open_site_lab(folder, monkeypatch, capsys, is_configured=True) as site_lab:
        playbooks, vault, key = make_site(site_lab.root, folder / "git")
        clone, secrets = fill(playbooks, vault, folder / "hosts")
        assert site_lab.apply("--only", "lab-ansible") == 0
        places = Places.below(folder / "node")
        with RunningNode(places, make_settings(playbooks, vault, key, has_gate=False)) as node:
            node.configure(*HOSTS)
        with RunningNode(places, make_settings(playbooks, vault, key, has_gate=has_gate)) as node:
            files = {CERTIFICATE_FILE: node.certificate}
            monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", lambda _s, _n, _v, path: files.get(path))
            monkeypatch.setattr(ProxmoxHypervisor, "ping_agent", lambda *_: True)
            monkeypatch.setattr("homeprod.wiring.doorbell.choose_connection", lead_to(node))
            monkeypatch.setenv("HOMEPROD_RING_KEY", str(key))
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
            for pause in ("cli.promotion.trial._PAUSE", "cli.promotion.node._PAUSE", "control.upkeep.knocks.PAUSE"):
                monkeypatch.setattr(f"homeprod.{pause}", 0.1)
            monkeypatch.setattr("homeprod.control.upkeep.knocks.BURST", 100)
            yield PromotedSite(site_lab.root, playbooks, clone, secrets, folder / "hosts", capsys), node
