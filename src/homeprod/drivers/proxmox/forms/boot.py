"""``boot``: ``order=scsi0;net0``, and the letters of old (``cdn``)."""

from __future__ import annotations

import re

from homeprod.drivers.proxmox.forms.drive import INTERFACES
from homeprod.drivers.proxmox.forms.form import FormError
from homeprod.drivers.proxmox.forms.propertystring import Property, Schema, parse_properties
from homeprod.plan.config import BootOrder

_SCHEMA = Schema(
    {"legacy": Property(lambda text: re.fullmatch(r"[acdn]{1,4}", text) is not None), "order": Property()}, "legacy"
)
_SLOTS = {**INTERFACES, "net": 32, "usb": 14, "hostpci": 16}
_DEVICE = re.compile(r"([a-z]+)(0|[1-9]\d*)")


def parse_boot(text: str) -> BootOrder:
    """Devices in order, a later mention of the same one winning. An empty ``boot`` (read back as one space) is the
    empty order. Raises FormError, also for the letters of old, which name no device: see ``parse_legacy_boot``."""
    values = parse_properties(text, _SCHEMA)
    if not values:
        return BootOrder(())
    if "order" not in values:
        raise FormError(f"boot order by letters: {text!r}")
    devices = [part for part in re.split(r"[,;\s]+", values["order"]) if part]
    for device in devices:
        if not _is_bootable(device):
            raise FormError(f"invalid boot device '{device}'")
    return BootOrder(tuple(device for place, device in enumerate(devices) if device not in devices[place + 1 :]))


def _is_bootable(device: str) -> bool:
    found = _DEVICE.fullmatch(device)
    return found is not None and found[1] != "unused" and int(found[2]) < _SLOTS.get(found[1], 0)


def parse_legacy_boot(text: str) -> str:
    """The letters: a floppy (none any more), c disk, d CD, n network; a later mention wins. Raises FormError."""
    return parse_properties(text, _SCHEMA).get("legacy", "")


def print_boot(order: BootOrder) -> str:
    return f"order={';'.join(order.devices)}" if order.devices else ""
