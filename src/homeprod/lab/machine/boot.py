"""The boot order: what Proxmox chooses by itself, and how it edits what it chose."""

from __future__ import annotations

from homeprod.lab.api.formats import split_list
from homeprod.lab.api.schema import Release, split_property_string
from homeprod.lab.machine.document import Config
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.options import DRIVE_SLOTS, is_drive
from homeprod.lab.machine.properties import BOOT


def print_order(devices: list[str]) -> str:
    return f"order={';'.join(devices)}" if devices else ""


def parse_order(text: str, release: Release) -> list[str] | None:
    """The devices of ``order=…``; None for the legacy form and for no order at all."""
    try:
        values = split_property_string(BOOT, text.strip(), release)
    except ValueError:
        return None
    return split_list(values["order"]) if "order" in values else None


def default_order(config: Config, release: Release) -> str:
    """The first disk, the first CD, the first network card."""
    disk = _first_drive(config, release, is_cdrom=False)
    cdrom = _first_drive(config, release, is_cdrom=True)
    nic = next((f"net{n}" for n in range(32) if f"net{n}" in config), None)
    return print_order([device for device in (disk, cdrom, nic) if device])


def _first_drive(config: Config, release: Release, *, is_cdrom: bool) -> str | None:
    for slot in DRIVE_SLOTS:
        if slot in config and slot not in ("efidisk0", "tpmstate0"):
            drive = parse_drive(slot, config[slot], release)
            if drive is not None and drive.is_cdrom == is_cdrom:
                return slot
    return None


def without_device(config: Config, device: str, release: Release) -> str | None:
    """The order of ``config`` less a device that goes; None where nothing changes."""
    order = parse_order(config.get("boot", ""), release)
    if order is None or device not in order:
        return None
    return print_order([known for known in order if known != device])


def with_cdrom(config: Config, slot: str, text: str, release: Release) -> str | None:
    """The order with a new CD at its end (installers are meant to boot); None where nothing changes."""
    order = parse_order(config.get("boot", ""), release)
    drive = parse_drive(slot, text, release) if is_drive(slot) else None
    if not order or drive is None or slot in order:
        return None
    is_cd = (drive.is_cdrom or drive.is_empty) and not drive.is_cloudinit
    return print_order([*order, slot]) if is_cd else None
