"""A data disk that comes back from a backup by Proxmox's own calls is adopted: docs/how-to/restore.md.

The lab makes no backups: what a restore leaves (the same configuration, new volumes of the machine's own, their
bytes) is made by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.foreign_machines import ForeignHand
from tests.system.site_lab import SiteLab, open_site_lab

pytestmark = pytest.mark.slow

USER, KEEPER, COPY = 4001022, 94001022, 9022
SAVED = b"as it was when it was saved"
ADOPT = ("adopt", "--disk", "lab-ansible", "scsi1", "--to", "lab-ansible-data", "--yes")


@pytest.fixture
def site_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    with open_site_lab(tmp_path, monkeypatch, capsys) as lab:
        assert lab.apply("--only", "lab-ansible") == 0
        yield lab


@pytest.fixture
def hand(site_lab: SiteLab) -> ForeignHand:
    return ForeignHand(site_lab.lab)


def restore(site_lab: SiteLab, hand: ForeignHand, vmid: int, saved: dict[str, Any]) -> None:
    """As qmrestore does, without starting it."""
    forgotten = ("vmgenid", "smbios1", "meta")
    hand.create(vmid, **{key: _renew(str(value)) for key, value in saved.items() if key not in forgotten})
    find_volume(site_lab, hand, vmid, "scsi1").write_bytes(SAVED)


def _renew(value: str) -> str:
    """A volume of the machine's own, of the same size and with the same options."""
    words = value.split(",")
    sizes = [word for word in words if word.startswith("size=") and word.endswith("G")]
    if not sizes or ":" not in words[0]:
        return value
    storage = words[0].partition(":")[0]
    return ",".join([f"{storage}:{sizes[0][5:-1]}", *(word for word in words[1:] if word not in sizes)])


def find_volume(site_lab: SiteLab, hand: ForeignHand, vmid: int, slot: str) -> Path:
    return Path(site_lab.lab.hypervisor.volumes.path(str(hand.config(vmid)[slot]).partition(",")[0]))


def remove(hand: ForeignHand, vmid: int) -> None:
    hand.change(vmid, protection=0)
    hand.wait(hand.node.qemu(vmid).delete())


def adopt_and_prove(site_lab: SiteLab, hand: ForeignHand) -> None:
    """The restored bytes are the data VM's and in use, and all is as the site says."""
    code, _, said = site_lab.run(*ADOPT)
    assert code == 0, said
    assert site_lab.apply("--only", "lab-ansible", "--start") == 0
    assert site_lab.actions("--only", "lab-ansible") == []
    assert site_lab.plan("--only", "lab-ansible")["conflicts"] == []
    assert hand.status(USER) == "running"
    assert hand.config(KEEPER)["protection"] == 1
    used = [str(hand.config(vmid)[slot]).partition(",")[0] for vmid, slot in ((USER, "scsi1"), (KEEPER, "scsi0"))]
    assert used[0] == used[1]
    assert f"vm-{KEEPER}-disk-" in used[0]
    assert find_volume(site_lab, hand, KEEPER, "scsi0").read_bytes().startswith(SAVED)


def test_machine_and_data_vm_are_lost_and_the_machine_comes_from_its_backup(
    site_lab: SiteLab, hand: ForeignHand
) -> None:
    saved = hand.config(USER)
    hand.shut_down(USER)
    remove(hand, USER)
    remove(hand, KEEPER)
    restore(site_lab, hand, USER, saved)
    [conflict] = site_lab.plan("--only", "lab-ansible")["conflicts"]
    assert "its data VM has no such disk" in conflict["message"]
    assert "  homeprod adopt --disk lab-ansible scsi1 --to lab-ansible-data" in conflict["hint"]
    adopt_and_prove(site_lab, hand)


def test_one_disk_comes_from_a_copy_of_the_machine(site_lab: SiteLab, hand: ForeignHand) -> None:
    saved = hand.config(USER)
    restore(site_lab, hand, COPY, saved)
    told = site_lab.plan("--only", "lab-ansible")
    assert (told["changes"], told["conflicts"]) == ([], [])
    assert any("VMID 9022 ('lab-ansible') is a copy of it" in one["message"] for one in told["notices"])

    hand.shut_down(USER)
    hand.change(USER, delete="scsi1")
    hand.change(KEEPER, protection=0)
    hand.change(KEEPER, delete="scsi0")
    spoilt = hand.config(KEEPER)["unused0"]
    move = {"disk": "scsi1", "target-vmid": USER, "target-disk": "scsi1"}
    hand.wait(hand.node.qemu(COPY).move_disk.post(**move))
    adopt_and_prove(site_lab, hand)
    assert hand.config(KEEPER)["unused0"] == spoilt, "what was there before is a person's to delete"
    remove(hand, COPY)
    hand.change(KEEPER, protection=0)
    hand.change(KEEPER, delete="unused0")
    assert site_lab.apply("--only", "lab-ansible") == 0
    assert site_lab.actions("--only", "lab-ansible") == []
    assert find_volume(site_lab, hand, KEEPER, "scsi0").read_bytes().startswith(SAVED)
