"""How each managed attribute changes, as data. The planner takes every effect from here, and the reference page
(docs/reference/attributes.md) and the tests are made from it: nothing else decides what is live and what waits.

Source of the rules: qemu-server's ``vmconfig_hotplug_pending``, with ``hotplug`` as the machine has it (by default
network, disk and usb; CPU and memory are plugged only where a machine was set up for it, which ours are not).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homeprod.plan.actual import ActualMachine
from homeprod.plan.change import Effect

LIVE, COLD, RECREATED, REPLACED = Effect.LIVE, Effect.COLD_START, Effect.RECREATION, Effect.REPLACEMENT
PENDING = COLD
"""Of whatever Proxmox lists as pending."""
REVERTED = LIVE
"""Of a value that is in force already, while another one waits: that one is dropped at once."""
_PLUGGED = "vmconfig_hotplug_pending"
_DISK = "vmconfig_update_disk"
_RESIZE = "PUT resize"
_MADE_AGAIN = "shutdown, detach the data disks, DELETE, POST qemu"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One managed attribute of one kind of resource (``vm``, ``data-vm``, ``image``, ``iso``).

    ``shown`` is how a plan calls it, ``written`` how Proxmox is told, ``source`` where the rule is from. ``running``
    and ``stopped`` say when a new value takes effect on a machine in that state; ``plugs`` is the hot-plug feature
    without which a running machine waits for a cold start instead.
    """

    resource: str
    name: str
    shown: str
    written: str
    running: Effect
    stopped: Effect
    source: str
    plugs: str = ""


def _row(
    resource: str, name: str, running: Effect, source: str, *, shown: str = "", written: str = "", plugs: str = ""
) -> Attribute:
    """A row with what most rows have: a stopped machine takes at once what a running one waits for."""
    stopped = running if running in (REPLACED, RECREATED) else LIVE
    how = written or f"POST config {name}"
    return Attribute(resource, name, shown or name, how, running, stopped, source, plugs)


def _both(name: str, running: Effect, source: str, **more: str) -> tuple[Attribute, Attribute]:
    return _row("vm", name, running, source, **more), _row("data-vm", name, running, source, **more)


ATTRIBUTES: tuple[Attribute, ...] = (
    *_both("name", LIVE, _PLUGGED),
    *_both("description", LIVE, _PLUGGED),
    *_both("address", LIVE, _PLUGGED, written="POST config description"),
    *_both("tags", LIVE, _PLUGGED),
    *_both("onboot", LIVE, _PLUGGED),
    *_both("protection", LIVE, _PLUGGED),
    _row("vm", "startup", LIVE, _PLUGGED),
    _row("vm", "cores", COLD, _PLUGGED),
    _row("vm", "memory", COLD, _PLUGGED),
    _row("vm", "agent", COLD, _PLUGGED),
    _row("vm", "ostype", COLD, _PLUGGED),
    _row("vm", "scsihw", COLD, _PLUGGED),
    _row("vm", "serial0", COLD, _PLUGGED),
    _row("vm", "boot", COLD, _PLUGGED),
    _row("vm", "net0", LIVE, "vmconfig_update_net", plugs="network"),
    _row("vm", "net0 bridge", LIVE, "vmconfig_update_net", shown="net0", written="POST config net0"),
    _row("vm", "disk", LIVE, _DISK, shown="scsi0", written="POST config scsi0, PUT resize", plugs="disk"),
    _row("vm", "disk size", LIVE, "qemu_block_resize", shown="scsi0 size", written=_RESIZE),
    _row("vm", "disk backup", LIVE, _DISK, shown="scsi0", written="POST config scsi0"),
    _row("vm", "data disk", LIVE, _DISK, shown="scsiN", written="POST config scsiN", plugs="disk"),
    _row("vm", "data disk backup", LIVE, _DISK, shown="scsiN", written="POST config scsiN"),
    _row("vm", "data disk serial", COLD, _DISK, shown="scsiN", written="POST config scsiN"),
    _row(
        "vm", "data disk size", LIVE, "qemu_block_resize", shown="scsiN size",
        written="PUT resize; stopped: POST config scsiN",
    ),
    _row(
        "vm", "data disk grown before", COLD, "API2 resize_vm returns where the volume has that size",
        shown="scsiN size", written="POST config scsiN while it is off",
    ),
    _row("vm", "cloud-init", RECREATED, "cloud-init runs once an instance-id", written="upload, POST config ide2"),
    _row("vm", "cloud-init drive", COLD, f"{_DISK} (IDE is never plugged)", shown="ide2", written="POST config ide2"),
    _row("vm", "ide0", COLD, f"{_DISK} (IDE is never plugged)"),
    _row("vm", "bundle", LIVE, f"{_DISK} (a disc is swapped)", shown="ide0", written="upload, POST config ide0"),
    _row("vm", "image", REPLACED, "the disk is made from it", written=_MADE_AGAIN),
    _row("vm", "network", REPLACED, "cloud-init runs once an instance-id", written=_MADE_AGAIN),
    _row("vm", "disks", REPLACED, "cloud-init runs once an instance-id", written=_MADE_AGAIN),
    _row("data-vm", "disk", LIVE, _DISK, shown="scsiN", written="POST config scsiN=STORAGE:GIB", plugs="disk"),
    _row("data-vm", "disk backup", LIVE, _DISK, shown="scsiN", written="POST config scsiN"),
    _row(
        "data-vm", "disk size", LIVE, "qemu_block_resize", shown="scsiN size",
        written="PUT resize of the running user's drive, else of its own; POST config scsiN notes the size",
    ),
    _row("image", "file", LIVE, "a disk is a copy of it", shown="create", written="POST download-url, or upload"),
    _row("image", "leftover", LIVE, "a disk is a copy of it", shown="delete", written="DELETE content"),
    _row("iso", "file", LIVE, "QEMU holds what it has open", shown="cloud-init", written="upload"),
    _row("iso", "leftover", LIVE, "no configuration names it", shown="delete", written="DELETE content"),
)  # fmt: skip

_ROWS: Mapping[tuple[str, str], Attribute] = {(row.resource, row.name): row for row in ATTRIBUTES}


@dataclass(frozen=True, slots=True)
class Told:
    """What a plan tells, and no apply changes: a person must."""

    name: str
    said: str
    why: str


TOLD: tuple[Told, ...] = (
    Told("node", "`is on the node A, the site says B; it stays there`", "a person or HA moved it; place is intent"),
    Told("a disk's storage", "`is on A, the site says B: it stays there`", "moving gigabytes is a person's decision"),
    Told("a disk larger than declared", "`a disk never shrinks, and it stays so`", "Proxmox refuses to shrink"),
    Told("a machine that is stopped", "`is stopped; homeprod apply --start starts it`", "somebody stopped it"),
    Told("a machine declared stopped that runs", "`is running, the site says started=False`", "somebody uses it"),
    Told("a data VM that runs", "`is running, and a data VM never should`", "it has disks open that another uses"),
    Told("a lost mark", "a conflict", "what has no mark is a stranger's"),
    Told("a data disk without its serial in its data VM", "a conflict", "a new one would be empty"),
    Told("another volume behind a data disk", "a conflict", "only a person knows which holds the data"),
)


def find_effect(resource: str, name: str, found: ActualMachine) -> Effect:
    """When a new value of that attribute takes effect on this machine, as it is now."""
    row = _ROWS[resource, name]
    if not found.is_running:
        return row.stopped
    return COLD if row.plugs and row.plugs not in _list_plugged(found) else row.running


def slowest(effects: Sequence[Effect]) -> Effect:
    """Of several attributes that are written as one value, which waits as a whole; of none, what takes back a value
    that waits, which is done at once."""
    return COLD if COLD in effects else next(iter(effects), REVERTED)


def _list_plugged(found: ActualMachine) -> list[str]:
    """``hotplug``: features, 1 for the default, 0 for none (qemu-server's ``parse_hotplug_features``)."""
    text = str(found.config.config.get("hotplug", "1"))
    return re.split("[,; ]", {"1": "network,disk,usb", "0": ""}.get(text, text))
