"""Drives: ``local-lvm:vm-100-disk-0,backup=1,serial=S1,size=32G``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from homeprod.drivers.proxmox.forms.form import NEWEST, FormError, Release
from homeprod.drivers.proxmox.forms.propertystring import (
    Property,
    Schema,
    Values,
    one_of,
    parse_properties,
    print_properties,
    whole_number,
)
from homeprod.drivers.proxmox.forms.size import parse_size, print_gib, print_size
from homeprod.drivers.proxmox.forms.volume import parse_volume_id
from homeprod.plan.config import Drive, NewDrive

INTERFACES = {"ide": 4, "sata": 6, "scsi": 31, "virtio": 16, "unused": 256}
"""Bus to the number of its slots; efidisk0 and tpmstate0 are no drives of ours and stay text."""

_FLAG = Property(is_boolean=True)
_GEOMETRY = ("cyls", "heads", "secs", "trans")
_SLOT = re.compile(r"(ide|sata|scsi|virtio|unused)(0|[1-9]\d*)")


def is_drive_slot(key: str) -> bool:
    """Whether a configuration key (``scsi1``) names a drive."""
    found = _SLOT.fullmatch(key)
    return found is not None and int(found[2]) < INTERFACES[found[1]]


def _is_file(text: str) -> bool:
    if text in {"none", "cdrom"} or text.startswith("/"):
        return True
    return _is_volume(text)


def _is_volume(text: str) -> bool:
    try:
        parse_volume_id(text)
    except FormError:
        return False
    return True


def _is_size(text: str) -> bool:
    try:
        parse_size(text)
    except FormError:
        return False
    return True


def _url_encoded(most: int) -> Property:
    form = re.compile(r"[-A-Za-z0-9_.~%!*'()]*")
    return Property(lambda text: len(text) <= most and form.fullmatch(text) is not None)


def _matching(pattern: str) -> Property:
    form = re.compile(pattern)
    return Property(lambda text: form.fullmatch(text) is not None)


def _limits() -> Mapping[str, Property]:
    """iops, mbps and bps for reading, writing and both, with their bursts."""
    number = _matching(r"\d+(\.\d+)?")
    limits: dict[str, Property] = {}
    for way in ("", "_rd", "_wr"):
        limits |= {f"iops{way}": number, f"iops{way}_max": number, f"mbps{way}": number, f"mbps{way}_max": number}
        limits |= {
            f"iops{way}_max_length": Property(whole_number(1)),
            f"bps{way}_max_length": Property(whole_number(1)),
        }
        limits |= {f"bps{way}": number}
    return limits


_COMMON: Mapping[str, Property] = {
    "file": Property(_is_file),
    "volume": Property(alias="file"),
    "media": Property(one_of("cdrom", "disk")),
    "format": Property(one_of("raw", "cow", "qcow", "qed", "qcow2", "vmdk", "cloop")),
    "cache": Property(one_of("none", "writethrough", "writeback", "unsafe", "directsync")),
    "aio": Property(one_of("native", "threads", "io_uring")),
    "discard": Property(one_of("ignore", "on")),
    "rerror": Property(one_of("ignore", "report", "stop")),
    "werror": Property(one_of("enospc", "ignore", "report", "stop")),
    "serial": _url_encoded(60),
    "size": Property(_is_size),
    "cyls": Property(whole_number(0)),
    "heads": Property(whole_number(0)),
    "secs": Property(whole_number(0)),
    "trans": Property(one_of("none", "lba", "auto")),
    **dict.fromkeys(("backup", "detect_zeroes", "replicate", "shared", "snapshot"), _FLAG),
    **_limits(),
}
_WWN = _matching(r"0x[0-9a-fA-F]{16}")
_OWN: Mapping[str, Mapping[str, Property]] = {
    "ide": {"model": _url_encoded(120), "ssd": _FLAG, "wwn": _WWN},
    "sata": {"ssd": _FLAG, "wwn": _WWN},
    "scsi": {
        **dict.fromkeys(("iothread", "ro", "scsiblock", "ssd"), _FLAG),
        "product": _matching(r"[A-Za-z0-9\-_\s]{1,16}"),
        "queues": Property(whole_number(2)),
        "vendor": _matching(r"[A-Za-z0-9\-_\s]{1,8}"),
        "wwn": _WWN,
    },
    "virtio": {"iothread": _FLAG, "ro": _FLAG},
}
_ALLOCATION = {"import-from": Property(lambda text: text.startswith("/") or _is_volume(text))}


@lru_cache
def _schema(bus: str, allocates: bool) -> Schema:
    if bus == "unused":
        return Schema({"file": Property(_is_volume), "volume": Property(alias="file")}, "file", ("file",))
    extra = _ALLOCATION if allocates else {}
    return Schema({**_COMMON, **_OWN[bus], **extra}, "file", ("file",))


def parse_drive_properties(
    slot: str, text: str, release: Release = NEWEST, *, strict: bool = True, allocates: bool = False
) -> Values:
    """All keys of a drive as Proxmox prints them, ``file`` being the volume. Raises FormError.

    ``allocates`` also takes ``import-from``, which only a request may hold.
    """
    bus = slot.rstrip("0123456789")
    if text.endswith(("\n", " ")) or bus not in INTERFACES:
        raise FormError(f"no drive: {slot}: {text!r}")
    values = parse_properties(text, _schema(bus, allocates), release, strict=strict)
    if strict:
        _check_drive(bus, values)
    _convert_bytes_per_second(values)
    if release >= (9, 0):
        # Release 9 forgot disk geometry: what an old configuration says is dropped.
        values = {key: value for key, value in values.items() if key not in _GEOMETRY}
    if "size" in values and _is_size(values["size"]):
        values["size"] = print_size(parse_size(values["size"], release))
    return values


def _check_drive(bus: str, values: Values) -> None:
    if values.get("media") == "cdrom" and (bus == "virtio" or values.keys() & {"snapshot", "format", *_GEOMETRY}):
        raise FormError("a CD takes no such option")
    for kind in ("iops", "mbps"):
        if kind in values and values.keys() & {f"{kind}_rd", f"{kind}_wr"}:
            raise FormError(f"{kind} excludes {kind}_rd and {kind}_wr")
        for way in ("", "_rd", "_wr"):
            if f"{kind}{way}_max" in values and f"{kind}{way}" not in values and kind == "mbps":
                raise FormError(f"{kind}{way}_max requires {kind}{way}")
            if f"{kind}{way}_max_length" in values and f"{kind}{way}_max" not in values:
                raise FormError(f"{kind}{way}_max_length requires {kind}{way}_max")


def _convert_bytes_per_second(values: Values) -> None:
    """``bps=10485760`` becomes ``mbps=0.000``: a slip of Proxmox's own (seen on 8.3 and 9.2), kept as it is."""
    for way in ("", "_rd", "_wr"):
        if values.pop(f"bps{way}", None) is not None:
            values[f"mbps{way}"] = "0.000"


def parse_drive(slot: str, text: str, release: Release = NEWEST, *, strict: bool = True) -> Drive:
    """A drive of a configuration; raises FormError. ``cdrom`` (the host's own drive) is a volume of that name."""
    volume, _, behind = text.partition(",")
    if not strict and volume and volume == volume.strip() and "=" not in volume:
        return replace(_parse_behind(slot, behind, release), volume=volume)
    return _parse_whole(slot, text, release, strict=strict)


@lru_cache(maxsize=512)
def _parse_behind(slot: str, options: str, release: Release) -> Drive:
    """A drive without a volume of its own. Kept: thousands of drives differ in nothing but the volume."""
    return _parse_whole(slot, f"none,{options}", release, strict=False)


def _parse_whole(slot: str, text: str, release: Release, *, strict: bool) -> Drive:
    values = parse_drive_properties(slot, text, release, strict=strict)
    if "file" not in values:
        raise FormError(f"a drive without a volume: {text!r}")
    volume = values.pop("file")
    size = parse_size(values.pop("size"), release) if _is_size(values.get("size", "")) else None
    return Drive(volume, size, tuple(sorted(values.items())))


def print_drive(drive: Drive) -> str:
    size = {"size": print_size(drive.size)} if drive.size is not None else {}
    return print_properties({**dict(drive.options), **size}, drive.volume)


def print_new_drive(drive: NewDrive) -> str:
    """The request's form: ``STORAGE:GIB`` allocates; with ``import-from`` the number must be 0."""
    if drive.import_from is None:
        return print_properties(dict(drive.options), f"{drive.storage}:{print_gib(drive.size)}")
    return print_properties({**dict(drive.options), "import-from": drive.import_from}, f"{drive.storage}:0")
