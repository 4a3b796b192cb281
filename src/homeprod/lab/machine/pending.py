"""Pending changes: from ``[PENDING]`` into force, at once for a stopped machine, in part for a running one.

What cannot be changed live waits for a cold start. Disks and cards are plugged as the machine's ``hotplug`` says
(qemu-server's ``vmconfig_hotplug_pending``), which a lab that boots nothing can. Into a QEMU process the lab plugs
neither, so with booted machines both wait, as on a Proxmox machine with ``hotplug: usb``.
"""

from __future__ import annotations

import re

from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.boot import parse_order
from homeprod.lab.machine.disks import find_owner, free_volume
from homeprod.lab.machine.document import Config, Document
from homeprod.lab.machine.drive import Drive, parse_drive, parse_nic
from homeprod.lab.machine.options import is_drive, is_nic, is_unused

_LIVE = frozenset(
    {"autostart", "balloon", "cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "description", "hookscript",
     "lock", "migrate_downtime", "migrate_speed", "name", "nameserver", "onboot", "protection", "searchdomain",
     "shares", "sshkeys", "startup", "tags", "vmstatestorage"}
)  # fmt: skip
_COLD_DRIVE_OPTIONS = frozenset(
    {"aio", "cache", "detect_zeroes", "discard", "event_idx", "iothread", "media", "product", "queues", "ro",
     "scsiblock", "serial", "ssd", "vendor", "wwn", "model"}
)  # fmt: skip

_BRIDGE_OPTIONS = frozenset({"bridge", "tag", "trunks", "firewall", "link_down", "rate"})
"""Of a card: changed on the host's side, without the guest's knowing."""


def is_live(key: str) -> bool:
    """Whether a running machine takes a new value of ``key`` at once."""
    return key in _LIVE or is_unused(key) or re.fullmatch(r"ipconfig\d+", key) is not None


def clean_pending(document: Document) -> None:
    """Drop what would change nothing: values already in force, deletions of what is not there."""
    for key in [key for key, value in document.pending.items() if document.current.get(key) == value]:
        del document.pending[key]
    for key in [key for key in document.delete if key not in document.current]:
        del document.delete[key]


def volumes_in(config: Config) -> set[str]:
    """The volumes that the drives of ``config`` name, unused ones apart."""
    return {value.split(",")[0].removeprefix("file=") for key, value in config.items() if is_drive(key)}


def drop_used(document: Document) -> None:
    """An ``unusedN`` whose volume is attached again is no longer unused."""
    used = volumes_in(document.current) | volumes_in(document.pending)
    for key in [key for key, value in document.current.items() if is_unused(key) and value.split(",")[0] in used]:
        del document.current[key]


def add_unused(hypervisor: Hypervisor, vmid: int, document: Document, drive: Drive) -> None:
    """Keep a detached volume of the machine's own as ``unusedN``. Foreign volumes leave without a trace."""
    if not drive.is_volume or drive.is_cdrom or find_owner(hypervisor, drive.file) != vmid:
        return
    config = document.current
    if drive.file in volumes_in(config) | {value for key, value in config.items() if is_unused(key)}:
        return
    number = next(n for n in range(256) if f"unused{n}" not in config)
    config[f"unused{number}"] = drive.file


async def detach(hypervisor: Hypervisor, vmid: int, document: Document, key: str, *, force: bool) -> None:
    """Take a drive out of the configuration in force; with ``force`` its own volume goes too."""
    drive = parse_drive(key, document.current.pop(key), hypervisor.release)
    if drive is None or not drive.is_volume:
        return
    is_own = find_owner(hypervisor, drive.file) == vmid
    if is_own and (force or drive.is_cloudinit) and drive.file not in volumes_in(document.current):
        await free_volume(hypervisor, drive.file)
    else:
        add_unused(hypervisor, vmid, document, drive)


async def apply_pending(hypervisor: Hypervisor, vmid: int, document: Document) -> None:
    """Everything that waits, as at a cold start. Changes ``document``; the caller writes it."""
    for key, force in list(document.delete.items()):
        if key in document.current:
            if is_drive(key):
                await detach(hypervisor, vmid, document, key, force=force)
            else:
                del document.current[key]
        del document.delete[key]
    for key, value in sorted(document.pending.items()):
        await _apply(hypervisor, vmid, document, key, value)
    document.pending.clear()


async def _apply(hypervisor: Hypervisor, vmid: int, document: Document, key: str, value: str) -> None:
    old = document.current.get(key)
    if is_drive(key) and old is not None:
        before = parse_drive(key, old, hypervisor.release)
        after = parse_drive(key, value, hypervisor.release)
        if before is not None and after is not None and before.file != after.file:
            document.current.pop(key)
            await _leave(hypervisor, vmid, document, before)
    document.current[key] = value
    if key == "boot" and parse_order(value, hypervisor.release) is not None:
        document.current.pop("bootdisk", None)


async def _leave(hypervisor: Hypervisor, vmid: int, document: Document, drive: Drive) -> None:
    is_own = drive.is_volume and find_owner(hypervisor, drive.file) == vmid
    if is_own and drive.is_cloudinit:
        await free_volume(hypervisor, drive.file)
    else:
        add_unused(hypervisor, vmid, document, drive)


def _plugs(hypervisor: Hypervisor, document: Document, feature: str) -> bool:
    """Whether the machine takes a disk or a card while it runs: ``hotplug``, by default network, disk and usb."""
    features = document.current.get("hotplug", "1")
    known = {"1": "network,disk,usb", "0": ""}.get(features, features)
    return hypervisor.runner.can_plug and feature in re.split("[,; ]", known)


def _plugs_drive(hypervisor: Hypervisor, document: Document, slot: str) -> bool:
    """No controller of IDE or SATA takes a drive while the machine runs."""
    return slot.startswith(("scsi", "virtio")) and _plugs(hypervisor, document, "disk")


async def apply_live(hypervisor: Hypervisor, vmid: int, document: Document) -> None:
    """What a running machine takes at once; the rest keeps waiting. Changes ``document``."""
    for key, force in list(document.delete.items()):
        if is_drive(key) and key in document.current and _plugs_drive(hypervisor, document, key):
            await detach(hypervisor, vmid, document, key, force=force)
        elif is_live(key) or (is_nic(key) and _plugs(hypervisor, document, "network")):
            document.current.pop(key, None)
        else:
            continue
        del document.delete[key]
    for key, value in sorted(document.pending.items()):
        if is_live(key) or await _is_plugged(hypervisor, vmid, document, key, value):
            document.current[key] = value
            del document.pending[key]


async def _is_plugged(hypervisor: Hypervisor, vmid: int, document: Document, key: str, value: str) -> bool:
    if is_nic(key):
        return _changes_bridge_only(hypervisor, document, key, value) or _plugs(hypervisor, document, "network")
    return is_drive(key) and await _change_drive(hypervisor, vmid, document, key, value)


def _changes_bridge_only(hypervisor: Hypervisor, document: Document, key: str, value: str) -> bool:
    if key not in document.current or not hypervisor.runner.can_plug:
        return False
    before, after = (parse_nic(text, hypervisor.release) for text in (document.current[key], value))
    changed = {name for name, _ in before.items() ^ after.items()}
    return changed <= _BRIDGE_OPTIONS and ("bridge" in before) == ("bridge" in after)


async def _change_drive(hypervisor: Hypervisor, vmid: int, document: Document, key: str, value: str) -> bool:
    """Whether a drive took its new line live: one that was plugged, a swapped CD, or options that QEMU need not
    know."""
    before = parse_drive(key, document.current.get(key, ""), hypervisor.release)
    after = parse_drive(key, value, hypervisor.release)
    if after is None:
        return False
    if before is None:
        return key not in document.current and _plugs_drive(hypervisor, document, key)
    if before.is_cdrom != after.is_cdrom:
        return False
    if before.is_cdrom:
        path = hypervisor.volumes.path(after.file) if after.is_volume else None
        await hypervisor.runner.change_cdrom(vmid, key, path)
        document.current.pop(key)
        await _leave(hypervisor, vmid, document, before)
        return True
    if before.file != after.file:
        if not _plugs_drive(hypervisor, document, key):
            return False
        document.current.pop(key)
        await _leave(hypervisor, vmid, document, before)
        return True
    changed = {name for name, _ in before.options.items() ^ after.options.items()}
    return not changed & _COLD_DRIVE_OPTIONS
