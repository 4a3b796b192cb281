"""Volume ids (``local-lvm:vm-100-disk-0``) and what a volume's name says: kind, format, owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.drivers.proxmox.forms.form import NEWEST, FormError, Release

_ID = re.compile(r"([a-z][a-z0-9._-]*[a-z0-9]):(.+)\n?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VolumeName:
    """``content`` is Proxmox's content type, ``owner`` the VMID in the name. ``base`` and ``base_owner`` name the
    template volume that a linked clone stands on."""

    content: str
    name: str
    format: str | None = "raw"
    owner: int | None = None
    base: str | None = None
    base_owner: int | None = None
    is_base: bool = False


def parse_volume_id(text: str) -> tuple[str, str]:
    """Storage and the volume's name in it; raises FormError. A storage's id has two letters at least."""
    found = _ID.fullmatch(text)
    if found is None:
        raise FormError(f"unable to parse volume ID '{text}'")
    return found[1], found[2]


def parse_volume_name(name: str, kind: str, release: Release = NEWEST) -> VolumeName:
    """Read the name of a volume on a storage of ``kind`` (``dir``, ``nfs``, ``lvm``, ``lvmthin``, ``zfspool``,
    ``rbd``, ``pbs``, …); raises FormError."""
    if kind == "pbs":
        return _parse_backup_server_name(name)
    if kind in {"lvm", "lvmthin"}:
        return _parse_lvm_name(name, kind, release)
    if kind in {"zfspool", "rbd"}:
        return _parse_dataset_name(name, kind)
    return _parse_file_name(name, release)


def _parse_lvm_name(name: str, kind: str, release: Release) -> VolumeName:
    pattern = r"(vm|base)-(\d+)-\S+" if kind == "lvmthin" else r"(vm)-(\d+)-\S+"
    if re.search(r"[^A-Za-z0-9+_.-]", name) or name.startswith("-"):
        raise FormError(f"lvm name '{name}' contains illegal characters")
    found = re.fullmatch(pattern, name)
    if found is None:
        raise FormError(f"unable to parse lvm volume name '{name}'")
    # Release 9 can keep qcow2 with its snapshots on thick LVM, told by the suffix.
    is_qcow2 = kind == "lvm" and name.endswith(".qcow2") and release >= (9, 0)
    return VolumeName("images", name, "qcow2" if is_qcow2 else "raw", int(found[2]), is_base=found[1] == "base")


def _parse_dataset_name(name: str, kind: str) -> VolumeName:
    found = re.fullmatch(r"((base|basevol)-(\d+)-[^/\s]+/)?(vm|base|subvol|basevol)-(\d+)-[^/\s]+", name)
    if found is None:
        raise FormError(f"unable to parse {kind} volume name '{name}'")
    return VolumeName(
        "images",
        name.rpartition("/")[2],
        "subvol" if found[4] in {"subvol", "basevol"} else "raw",
        int(found[5]),
        found[1].rstrip("/") if found[1] else None,
        int(found[3]) if found[3] else None,
        found[4] in {"base", "basevol"},
    )


def _parse_backup_server_name(name: str) -> VolumeName:
    found = re.fullmatch(r"backup/((vm|ct)/([0-9]+)/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", name)
    if found is None:
        raise FormError(f"unable to parse PBS volume name '{name}'")
    return VolumeName("backup", found[1], f"pbs-{found[2]}", int(found[3]))


# OWNER/NAME.FORMAT, and BASE_OWNER/BASE/OWNER/NAME.FORMAT for linked clones.
_IMAGE = re.compile(r"(?:(\d+)/(base-[^/\s]+)/)?(\d+)/([^/]+)")
_FILES = (
    ("iso", re.compile(r"iso/([^/]+\.(iso|img))", re.IGNORECASE)),
    ("vztmpl", re.compile(r"vztmpl/([^/]+\.tar\.(gz|xz|zst|bz2))")),
    ("snippets", re.compile(r"snippets/([^/]+)")),
    ("backup", re.compile(r"backup/([^/]+\.(tgz|((tar|vma)(\.(gz|lzo|zst|bz2))?)))")),
)
_BACKUP_OWNER = re.compile(r"vzdump-(?:lxc|qemu)-(\d+)-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\.\S+")


def _parse_file_name(name: str, release: Release) -> VolumeName:
    if found := _IMAGE.fullmatch(name):
        return _parse_image_name(*found.groups())
    for reading in (*_read_files(name), *_read_import(name), *_read_of_release(name, release)):
        return reading
    raise FormError(f"unable to parse directory volume name '{name}'")


def _parse_image_name(base_owner: str | None, base: str | None, owner: str, name: str) -> VolumeName:
    found = re.fullmatch(r".+\.(raw|qcow2|vmdk|subvol)", name)
    if found is None:
        raise FormError(f"unable to parse volume filename '{name}'")
    number = int(base_owner) if base_owner else None
    return VolumeName("images", name, found[1], int(owner), base, number, name.startswith("base-"))


def _read_files(name: str) -> Iterator[VolumeName]:
    for content, pattern in _FILES:
        if found := pattern.fullmatch(name):
            owner = _BACKUP_OWNER.fullmatch(found[1]) if content == "backup" else None
            yield VolumeName(content, found[1], "raw", int(owner[1]) if owner else None)


def _read_import(name: str) -> Iterator[VolumeName]:
    safe = r"[a-zA-Z0-9_.+=:~-]+"
    if found := re.fullmatch(rf"import/({safe}\.ova/{safe}\.(qcow2|raw|vmdk))", name):
        yield VolumeName("import", found[1], f"ova+{found[2]}")
    elif found := re.fullmatch(rf"import/({safe}\.(ova|ovf|qcow2|raw|vmdk))", name):
        yield VolumeName("import", found[1], found[2])


def _read_of_release(name: str, release: Release) -> Iterator[VolumeName]:
    """What one of 8 and 9 reads and the other does not."""
    if release >= (9, 0) and (found := re.fullmatch(r"vztmpl/([^/]+\.tar)", name)):
        yield VolumeName("vztmpl", found[1])
    elif release < (9, 0) and (found := re.fullmatch(r"rootdir/(\d+)", name)):
        yield VolumeName("rootdir", found[1], None, int(found[1]))
