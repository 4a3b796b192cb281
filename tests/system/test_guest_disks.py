"""A machine booted with one disk of each kind attached: nothing that held anything is written to.

The script's decision on every case file is in tests/unit/cloudinit/test_datadisk.py; here it meets real devices.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.booted_guest import BootedGuest, open_booted_guest
from tests.disk_case import SERIAL, DiskCase
from tests.manifest import digest_disk, read_file_system

from homeprod.cloudinit.ending import Ending, EndingState
from homeprod.cloudinit.userdata import DataMount, Guest
from homeprod.plan.config import Drive, NewDrive

pytestmark = [pytest.mark.guest, pytest.mark.namespace, pytest.mark.slow, pytest.mark.timeout(900)]

OWN = "ext4-own-label"
"""The one case whose disk has the serial that its label asks for; every other's is a name of its own."""
CASES = [
    DiskCase.read(name)
    for name in (
        OWN, "blank", "blank-small", "ext4-other-label", "ext4-superblock-gone", "first-bytes", "gpt",
        "gpt-backup-only", "last-byte", "luks1", "lvm-group", "mbr", "swap-own-label", "xfs",
    )
]  # fmt: skip
SERIALS = {case.name: SERIAL if case.name == OWN else f"d{index}" for index, case in enumerate(CASES)}
BLANK = [case.name for case in CASES if case.decision == "format"]
FOREIGN = [case.name for case in CASES if case.name not in (OWN, *BLANK)]
BUSES = [*(f"virtio{index}" for index in range(3)), "sata0", "sata1", *(f"scsi{index}" for index in range(1, 14))]


@dataclass(frozen=True)
class Seen:
    """``volumes`` are image files by case; ``mounted`` paths."""

    ending: Ending
    mounted: set[str]
    volumes: dict[str, Path]
    before: dict[str, str]


def _boot(guest: BootedGuest, files: dict[str, Path]) -> Seen:
    mounts = tuple(DataMount(serial, f"/srv/{serial}") for serial in SERIALS.values())
    slots = dict(zip(SERIALS, BUSES, strict=False))
    drives = {
        slots[case.name]: NewDrive("local-lvm", case.size, _image(case.name), (("serial", SERIALS[case.name]),))
        for case in CASES
    }
    guest.create(Guest("disks", "100-disks", users=(guest.user,), mounts=mounts), drives)
    ending = guest.boot()
    mounted = set(guest.ssh("findmnt -n -l -o TARGET | grep ^/srv/").split())
    config = guest.target.hypervisor.read_machine(guest.target.node, guest.vmid).config
    guest.shut_down()
    volumes = {}
    for name, slot in slots.items():
        drive = config[slot]
        assert isinstance(drive, Drive)
        volumes[name] = guest.find_image(drive.volume)
    return Seen(ending, mounted, volumes, {name: digest_disk(file) for name, file in files.items()})


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("disks")
    files = {case.name: case.fill(folder / f"{case.name}.raw") for case in CASES}
    with open_booted_guest(folder, {_image(name): _wrap(file) for name, file in files.items()}) as guest:
        yield _boot(guest, files)


def _image(name: str) -> str:
    return f"local:import/{name}.qcow2"


def _wrap(raw: Path) -> Path:
    """As qcow2, whose content nobody guesses at: QEMU itself would open a raw file with a LUKS header as LUKS."""
    wrapped = raw.with_suffix(".qcow2")
    argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(wrapped)]
    subprocess.run(argv, check=True, timeout=60)
    return wrapped


def test_each_disk_that_was_left_alone_is_an_error_in_its_own_words(seen: Seen) -> None:
    assert seen.ending.state is EndingState.FAILED
    told = dict(error.removeprefix("data disk ").split(": ", 1) for error in seen.ending.errors)
    assert set(told) == {SERIALS[name] for name in FOREIGN}
    for case in CASES:
        if case.name in FOREIGN:
            assert "left as it is" in told[SERIALS[case.name]]
            assert case.says in told[SERIALS[case.name]]


def test_only_blank_disks_and_the_labelled_one_are_mounted(seen: Seen) -> None:
    assert seen.mounted == {f"/srv/{SERIALS[name]}" for name in (OWN, *BLANK)}


@pytest.mark.parametrize("name", FOREIGN)
def test_not_a_byte_of_it_changed(name: str, seen: Seen) -> None:
    assert digest_disk(seen.volumes[name]) == seen.before[name]


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_disk_got_its_file_system(name: str, seen: Seen) -> None:
    made = read_file_system(seen.volumes[name])
    assert (made.label, made.is_clean) == (SERIALS[name], True)


def test_the_labelled_disk_kept_its_file_system(seen: Seen, tmp_path: Path) -> None:
    before = read_file_system(DiskCase.read(OWN).fill(tmp_path / "disk"))
    assert read_file_system(seen.volumes[OWN]) == before
