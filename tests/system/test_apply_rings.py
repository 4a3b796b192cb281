"""What an apply tells a control node, and what becomes of a machine whose ring was not accepted."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.system.foreign_machines import ForeignHand
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.cloudinit.ending import RESULT_FILE, STATUS_FILE
from homeprod.core.errors import ControlError, TransientError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.ports import Ring
from homeprod.engine.ring import HOST_KEY_FILE
from homeprod.plan.mark import NEW_TAG

PROXY = 5_000_000
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeHostKeyFakeHostKeyFakeHostKeyFakeHostKeyAB"
FILES = {
    HOST_KEY_FILE: f"{KEY} root@lab-proxy\n",
    RESULT_FILE: json.dumps({"v1": {"datasource": "NoCloud", "errors": []}}),
    STATUS_FILE: json.dumps({"v1": {"stage": None, "modules-final": {"finished": 1.0, "errors": []}}}),
}


@dataclass
class Door:
    """Stands in for the control nodes' doors: what was rung, and what is answered next."""

    rings: list[tuple[str, Ring]] = field(default_factory=list)
    waits: str = ""
    error: ControlError | None = None

    def open(self, node: str) -> None:
        """It is there, whatever it answers."""

    def ring(self, node: str, ring: Ring, say: Callable[[str], None]) -> str:
        self.rings.append((node, ring))
        say("rung")
        if self.error is not None:
            raise self.error
        return self.waits


@pytest.fixture
def site_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    """Its guests answer as booted ones do."""
    files = dict(FILES)
    monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", lambda _self, _node, _vmid, path: files.get(path))
    with open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as lab:
        yield lab


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr("homeprod.cli.apply.Bells", lambda *_, **__: door)
    monkeypatch.setattr("homeprod.cli.apply.find_signer", lambda *_, **__: None)
    return door


def _apply(site_lab: SiteLab, *names: str) -> tuple[int, str]:
    only = [word for name in names for word in ("--only", name)]
    code, _, said = site_lab.run("apply", "--yes", "--wait-limit", "30", *only)
    return code, said


def _tags(site_lab: SiteLab) -> frozenset[str]:
    with site_lab.driver() as cluster:
        tags: Any = cluster.read_machine(NODE, PROXY).config["tags"]
    return frozenset(tags)


def test_a_new_machine_is_told_with_its_instance_and_host_key(site_lab: SiteLab, door: Door) -> None:
    assert _apply(site_lab, "lab-proxy")[0] == 0
    ((node, ring),) = door.rings
    assert (node, ring.host, ring.host_keys) == ("lab-ansible", "lab-proxy", (KEY,))
    assert ring.instance.startswith(f"{PROXY}-")
    assert NEW_TAG not in _tags(site_lab)
    assert site_lab.actions("--only", "lab-proxy") == []


def test_nobody_is_told_of_what_no_control_node_configures(site_lab: SiteLab, door: Door) -> None:
    assert _apply(site_lab, "lab-ansible")[0] == 0
    assert door.rings == []


def test_a_host_that_waits_is_gone_on_with_until_its_ring_is_accepted(site_lab: SiteLab, door: Door) -> None:
    door.waits = "lab-ansible is locked"
    for _ in range(2):
        code, said = _apply(site_lab, "lab-proxy")
        assert code == 3
        assert "not finished: vm/lab-proxy: lab-ansible is locked" in said
        assert NEW_TAG in _tags(site_lab)
        assert site_lab.actions("--only", "lab-proxy") == [("finish", "vm/lab-proxy")]
    door.waits = ""
    assert _apply(site_lab, "lab-proxy")[0] == 0
    assert NEW_TAG not in _tags(site_lab)
    assert {ring.instance for _, ring in door.rings} == {door.rings[0][1].instance}


def test_a_ring_that_is_refused_is_an_error_and_the_machine_stays_unfinished(site_lab: SiteLab, door: Door) -> None:
    door.error = ControlError("the inventory has no host lab-proxy", hint="render the site")
    code, said = _apply(site_lab, "lab-proxy")
    assert code == 1
    assert "the inventory has no host lab-proxy" in said
    assert NEW_TAG in _tags(site_lab)


def test_a_changed_machine_is_told_too(site_lab: SiteLab, door: Door) -> None:
    _apply(site_lab, "lab-proxy")
    site_lab.edit("lab_proxy_vm", 'tags={"infrastructure", "lab"}', 'tags={"infrastructure", "lab", "edge"}')
    door.waits = "lab-ansible is locked"
    assert _apply(site_lab, "lab-proxy")[0] == 3
    assert _tags(site_lab) >= {NEW_TAG, "edge"}
    assert site_lab.actions("--only", "lab-proxy") == [("finish", "vm/lab-proxy")]
    door.waits = ""
    assert _apply(site_lab, "lab-proxy")[0] == 0
    assert site_lab.actions("--only", "lab-proxy") == []
    assert len(door.rings) == 3


def test_what_is_not_waited_for_is_told_by_the_next_apply(site_lab: SiteLab, door: Door) -> None:
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-proxy")
    assert code == 3
    assert "not finished: vm/lab-proxy: is not handed to lab-ansible yet" in said
    assert door.rings == []
    assert NEW_TAG in _tags(site_lab)
    assert _apply(site_lab, "lab-proxy")[0] == 0
    assert [ring.host for _, ring in door.rings] == ["lab-proxy"]
    assert site_lab.actions("--only", "lab-proxy") == []


def test_a_change_of_what_is_finished_is_told_without_waiting(site_lab: SiteLab, door: Door) -> None:
    _apply(site_lab, "lab-proxy")
    site_lab.edit("lab_proxy_vm", 'tags={"infrastructure", "lab"}', 'tags={"infrastructure", "lab", "edge"}')
    assert site_lab.apply("--only", "lab-proxy") == 0
    assert len(door.rings) == 2
    assert NEW_TAG not in _tags(site_lab)


def test_a_guest_that_does_not_answer_makes_its_change_wait(
    site_lab: SiteLab, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    _apply(site_lab, "lab-proxy")
    site_lab.edit("lab_proxy_vm", 'tags={"infrastructure", "lab"}', 'tags={"infrastructure", "lab", "edge"}')

    def be_silent(*_: object) -> str:
        raise TransientError("QEMU guest agent is not running")

    monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", be_silent)
    code, said = _apply(site_lab, "lab-proxy")
    assert (code, len(door.rings)) == (3, 1)
    assert f"did not give {HOST_KEY_FILE}" in said
    assert NEW_TAG in _tags(site_lab)


def test_a_control_node_that_cannot_be_known_makes_its_hosts_wait(
    site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real doors: lab-ansible is not there."""
    key = tmp_path / "sean"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True, timeout=30)
    public = key.with_suffix(".pub").read_text().split()[1]
    text = (site_lab.root / "modules" / "_config.py").read_text()
    site_lab.edit("_config", re.findall(r"AAAA\S+(?= sean@)", text)[0], public)
    monkeypatch.setenv("HOMEPROD_RING_KEY", str(key))
    code, said = _apply(site_lab, "lab-proxy")
    assert code == 3
    assert "not finished: vm/lab-proxy: waits for lab-ansible: it is not made yet\n  make it:\n\n" in said
    assert "  homeprod apply --only lab-ansible\n" in said
    assert NEW_TAG in _tags(site_lab)


def test_whoever_has_no_key_to_ring_with_is_told_before_anything_is_made(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    code, said = _apply(site_lab, "lab-proxy")
    assert code == 64
    assert "no key to ring with" in said
    assert 'eval "$(ssh-agent)"' in said
    assert "homeprod apply --no-wait" in said
    assert ("create", "vm/lab-proxy") in site_lab.actions()
    assert _apply(site_lab, "lab-ansible")[0] == 0, "which nobody is told of"
    assert site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-proxy")[0] == 3
    assert site_lab.actions("--only", "lab-proxy") == [("finish", "vm/lab-proxy")]


def test_what_others_made_is_told_by_them_or_by_hand(
    site_lab: SiteLab, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    ForeignHand(site_lab.lab).terraform(5000)
    assert site_lab.run("adopt", "5000", "--environment", "lab")[0] == 0
    site_lab.edit("web_vm", "import lab, ssd", "import ansible, lab, sean, ssd")
    site_lab.edit("web_vm", "    environment=lab,", "    environment=lab,\n    people=(sean, ansible),")
    assert _apply(site_lab, "web")[0] == 0
    assert site_lab.actions("--only", "web") == []
    assert door.rings == []
    monkeypatch.setattr("homeprod.cli.configure.Bells", lambda *_, **__: door)
    assert site_lab.run("configure", "web")[0] == 0
    assert [(node, ring.host) for node, ring in door.rings] == [("lab-ansible", "web")]
