"""The data-disk script, whole, on files: with the real blkid, wipefs, cmp and mkfs.ext4, and a mount that only
takes notes."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.disk_case import SERIAL, DiskCase, list_cases

from homeprod.cloudinit.datadisk import BOOT_SCRIPT, ERRORS_FILE

MIB = 1024 * 1024
LINK = "scsi-0QEMU_QEMU_HARDDISK_"
_STUBS = {
    "blockdev": 'exec stat -L -c %s "$2"',
    "mount": 'echo "$1 $2" >>"$stub/mounted"',
    # -n -o SOURCE --mountpoint PATH
    "findmnt": 'while read -r device path; do [ "$path" != "$5" ] || echo "$device"; done <"$stub/mounted"',
    "sleep": 'echo "$1" >>"$stub/slept"; [ ! -e "$stub/late" ] || mv "$stub/late"/* "$stub/by-id/"',
}


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a guest: its /dev/disk/by-id, fstab and mounts."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        (self.folder / "by-id").mkdir()
        (self.folder / "mounted").touch()
        (self.folder / "fstab").write_text("/dev/sda1 / ext4 defaults 0 1")  # and no newline at its end
        for name, body in _STUBS.items():
            stub = self.folder / "bin" / name
            stub.write_text(f"#!/bin/sh\nstub={self.folder}\n{body}\n")
            stub.chmod(0o755)

    def attach(self, disk: Path, serial: str = SERIAL, link: str = LINK) -> Path:
        (self.folder / "by-id" / f"{link}{serial}").symlink_to(disk)
        return disk

    def boot(self, *pairs: str) -> int:
        """Run the script; its exit status."""
        given = pairs or (SERIAL, str(self.folder / "srv"))
        script = BOOT_SCRIPT.replace("PATH=/usr/sbin", f"PATH={self.folder}/bin:/usr/sbin")
        for real, ours in (
            ("/dev/disk/by-id", "by-id"), ("=/etc/fstab", "fstab"), (ERRORS_FILE, "run/errors")
        ):  # fmt: skip
            assert script.count(real) == 1
            script = script.replace(real, ("=" if "=" in real else "") + str(self.folder / ours))
        argv = ["sh", "-c", script, "homeprod-data-disks", *given]
        return subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode

    def read(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    @property
    def errors(self) -> str:
        return "\n".join(self.read("run/errors"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "guest").mkdir()
    return Machine(tmp_path / "guest")


def blank(file: Path, size: int = 4 * MIB) -> Path:
    with file.open("wb") as disk:
        disk.truncate(size)
    return file


def digest(file: Path) -> str:
    with file.open("rb") as disk:
        return hashlib.file_digest(disk, "sha256").hexdigest()


def read_label(disk: Path) -> str:
    argv: Sequence[str] = ["/sbin/blkid", "-p", "-s", "LABEL", "-o", "value", str(disk)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout.strip()


@pytest.mark.parametrize("name", list_cases())
def test_nothing_that_held_anything_is_ever_formatted(name: str, machine: Machine, tmp_path: Path) -> None:
    case = DiskCase.read(name)
    disk = machine.attach(case.fill(tmp_path / "disk"))
    before = digest(disk)
    status = machine.boot()
    if case.decision == "refuse":
        assert status == 1
        assert f"data disk {SERIAL}: holds something without the label {SERIAL}; left as it is" in machine.errors
        assert case.says in machine.errors
        assert machine.read("mounted") == []
    else:
        assert (status, machine.errors) == (0, "")
        assert machine.read("mounted") == [f"{disk} {machine.folder}/srv"]
        assert read_label(disk) == SERIAL
    assert (digest(disk) == before) is (case.decision != "format")


def test_a_disk_that_cannot_be_read_is_not_blank(machine: Machine) -> None:
    # Reading another process's empty page gives an I/O error, as a failing disk does; blkid finds nothing there.
    machine.attach(Path("/proc/self/mem"))
    (machine.folder / "bin/blockdev").write_text(f"#!/bin/sh\necho {4 * MIB}\n")
    (machine.folder / "bin/mkfs.ext4").write_text(f"#!/bin/sh\ntouch {machine.folder}/formatted\n")
    (machine.folder / "bin/mkfs.ext4").chmod(0o755)
    assert machine.boot() == 1
    assert "left as it is" in machine.errors
    assert not (machine.folder / "formatted").exists()


@pytest.mark.parametrize("size", ["0", "", "x"])
def test_a_disk_whose_size_is_not_known_is_not_blank(size: str, machine: Machine, tmp_path: Path) -> None:
    disk = machine.attach(blank(tmp_path / "disk"))
    (machine.folder / "bin/blockdev").write_text(f"#!/bin/sh\necho {size}\n[ -n '{size}' ]\n")
    assert machine.boot() == 1
    assert read_label(disk) == ""


@pytest.mark.parametrize("offset", [2 * 1024 * MIB // 4, 128 * MIB + 5, 384 * MIB + 1024])
def test_what_lies_between_the_ends_is_looked_for(offset: int, machine: Machine, tmp_path: Path) -> None:
    disk = machine.attach(blank(tmp_path / "disk", 2 * 1024 * MIB))
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(b"here")
    assert machine.boot() == 1
    assert read_label(disk) == ""


@pytest.mark.parametrize("link", [LINK, "scsi-SQEMU_QEMU_HARDDISK_", "virtio-", "ata-QEMU_HARDDISK_"])
def test_a_disk_is_found_by_its_serial_on_every_bus(link: str, machine: Machine, tmp_path: Path) -> None:
    machine.attach(blank(tmp_path / "disk"), link=link)
    assert machine.boot() == 0


def test_a_serial_that_ends_another_is_not_it(machine: Machine, tmp_path: Path) -> None:
    other = machine.attach(blank(tmp_path / "other"), "ssh_keys")
    machine.attach(blank(tmp_path / "part"), "keys-part1")
    assert machine.boot("keys", "/srv") == 1
    assert machine.errors.strip() == "data disk keys: there is no disk with this serial"
    assert read_label(other) == ""


def test_a_slow_disk_is_waited_for(machine: Machine, tmp_path: Path) -> None:
    (machine.folder / "late").mkdir()
    (machine.folder / "late" / f"{LINK}{SERIAL}").symlink_to(blank(tmp_path / "disk"))
    assert machine.boot() == 0
    assert machine.read("slept") == ["1"]


def test_missing_disks_are_waited_for_together(machine: Machine) -> None:
    assert machine.boot("one", "/srv/1", "two", "/srv/2") == 1
    assert len(machine.read("slept")) == 30
    assert len(machine.read("run/errors")) == 2


def test_one_bad_disk_does_not_keep_the_others_out(machine: Machine, tmp_path: Path) -> None:
    machine.attach(DiskCase.read("lvm").fill(tmp_path / "bad"), "bad")
    good = machine.attach(blank(tmp_path / "good"), "good")
    assert machine.boot("bad", f"{tmp_path}/1", "good", f"{tmp_path}/2") == 1
    assert machine.read("mounted") == [f"{good} {tmp_path}/2"]
    assert len(machine.read("run/errors")) == 1


def test_swapped_slots_do_not_matter(machine: Machine, tmp_path: Path) -> None:
    one, two = machine.attach(blank(tmp_path / "a"), "one"), machine.attach(blank(tmp_path / "b"), "two")
    pairs = ("one", f"{tmp_path}/1", "two", f"{tmp_path}/2")
    assert machine.boot(*pairs) == 0
    (machine.folder / "mounted").write_text("")
    # The kernel's names are given the other way round; serials stay with their disks.
    one.rename(tmp_path / "c"), two.rename(tmp_path / "a"), (tmp_path / "c").rename(tmp_path / "b")
    for serial, now in (("one", "b"), ("two", "a")):
        (machine.folder / "by-id" / f"{LINK}{serial}").unlink()
        machine.attach(tmp_path / now, serial)
    assert machine.boot(*pairs) == 0
    assert machine.read("mounted") == [f"{tmp_path}/b {tmp_path}/1", f"{tmp_path}/a {tmp_path}/2"]


def test_every_boot_does_the_same_and_fstab_stays(machine: Machine, tmp_path: Path) -> None:
    disk = machine.attach(blank(tmp_path / "disk"))
    assert machine.boot() == 0
    after, fstab = digest(disk), machine.read("fstab")
    assert fstab[0] == "/dev/sda1 / ext4 defaults 0 1"
    assert fstab[1].split()[:3] == [f"LABEL={SERIAL}", f"{machine.folder}/srv", "auto"]
    # Mounted by fstab already, then not mounted.
    assert machine.boot() == 0
    (machine.folder / "mounted").write_text("")
    assert machine.boot() == 0
    assert (digest(disk), machine.read("fstab")) == (after, fstab)


def test_another_disk_in_its_place_is_an_error(machine: Machine, tmp_path: Path) -> None:
    machine.attach(blank(tmp_path / "disk"))
    (machine.folder / "mounted").write_text(f"/dev/sdz {machine.folder}/srv\n")
    assert machine.boot() == 1
    assert "/dev/sdz is mounted" in machine.errors


def test_an_error_of_an_earlier_boot_is_gone(machine: Machine, tmp_path: Path) -> None:
    assert machine.boot() == 1
    machine.attach(blank(tmp_path / "disk"))
    assert machine.boot() == 0
    assert machine.errors == ""


def test_a_failing_mount_is_said_in_its_own_words(machine: Machine, tmp_path: Path) -> None:
    machine.attach(blank(tmp_path / "disk"))
    (machine.folder / "bin/mount").write_text("#!/bin/sh\nprintf 'wrong fs type,\\n bad option' >&2; exit 32\n")
    assert machine.boot() == 1
    assert machine.read("run/errors") == [f"data disk {SERIAL}: mount: wrong fs type,  bad option "]
