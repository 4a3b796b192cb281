"""History: what was done to the site's machines, when and by whom, told from Proxmox's task log; no I/O.

Strangers' tasks on the site's machines are told like its own: who changed it is the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.plan.image import desire_images
from homeprod.plan.record import TaskRecord
from homeprod.site.site import Site

_WORDS = {
    "qmcreate": "made",
    "qmdestroy": "destroyed",
    "qmstart": "started",
    "qmstop": "stopped hard",
    "qmshutdown": "shut down",
    "qmreboot": "rebooted",
    "qmreset": "reset",
    "qmsuspend": "suspended",
    "qmpause": "paused",
    "qmresume": "resumed",
    "qmconfig": "configuration changed",
    "qmclone": "copied",
    "qmtemplate": "made a template",
    "qmmove": "disk moved",
    "qmigrate": "moved to another node",
    "qmrestore": "restored from a backup",
    "qmsnapshot": "snapshot taken",
    "qmdelsnapshot": "snapshot removed",
    "qmrollback": "rolled back to a snapshot",
    "resize": "disk resized",
    "vzdump": "backed up",
    "vncproxy": "console opened",
    "vncshell": "node's shell opened",
    "spiceproxy": "console opened",
    "termproxy": "console opened",
    "hastart": "start asked of HA",
    "hastop": "stop asked of HA",
    "hashutdown": "shutdown asked of HA",
    "hamigrate": "move asked of HA",
    "imgcopy": "file uploaded",
    "imgdel": "file removed",
    "download": "file downloaded",
}
"""By Proxmox's type of task. One that is not here is told by its type."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done. ``on`` names what it was done to: a machine of the site, a VMID, a file or a storage;
    None where the log does not say. ``result`` is ``ok``, ``running``, or Proxmox's own words."""

    record: TaskRecord
    words: str
    on: str | None
    result: str


def tell_deed(record: TaskRecord, names: Mapping[int, Address]) -> Deed:
    """``names`` are the site's machines by VMID."""
    words = _WORDS.get(record.kind, record.kind)
    vmid = read_vmid(record)
    if vmid is None:
        return Deed(record, words, record.about or None, _tell_result(record))
    if record.kind == "imgdel":
        words = "disk removed"
    return Deed(record, words, str(names.get(vmid, vmid)), _tell_result(record))


def read_vmid(record: TaskRecord) -> int | None:
    """Whose machine's it was: ``100``, or ``100@local-lvm`` where a disk was removed."""
    found = re.fullmatch(r"([1-9][0-9]{2,8})(?:@.*)?", record.about)
    return int(found[1]) if found else None


def _tell_result(record: TaskRecord) -> str:
    if record.status is None:
        return "running"
    if record.status == "OK":
        return "ok"
    if record.status.startswith("WARNINGS: "):
        return record.status.lower()
    return f"failed: {record.status}" if record.status else "ended without saying how"


@dataclass(frozen=True, slots=True)
class Interest:
    """Which tasks are the site's affair: on its machines, on its images, and files that come to or leave its storages
    (the log names no file there)."""

    vmids: frozenset[int]
    images: str
    storages: frozenset[str]

    def covers(self, record: TaskRecord) -> bool:
        if (vmid := read_vmid(record)) is not None:
            return vmid in self.vmids
        if record.kind == "imgdel":
            return record.about in self.storages
        return record.kind == "imgcopy" or (record.kind == "download" and record.about.startswith(self.images))


def find_interest(site: Site, vmids: frozenset[int]) -> Interest:
    """``vmids`` are those of the site's machines, declared or marked."""
    storages = {image.storage for image in desire_images(site)} | {site.config.iso.name}
    return Interest(vmids, f"homeprod-{site.config.id[:8]}-", frozenset(storages))
