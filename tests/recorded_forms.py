"""Asks our parsers and printers what Proxmox's own code was asked, line by line of ``proxmox-forms.jsonl``.

A reader takes a recorded input and a release and gives ``(parsed, printed)`` in the recording's own shape, each None
where the recording has none; it raises FormError where it refuses.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeprod.drivers.proxmox.forms.agent import parse_agent, print_agent
from homeprod.drivers.proxmox.forms.boot import parse_boot, parse_legacy_boot
from homeprod.drivers.proxmox.forms.drive import (
    parse_drive,
    parse_drive_properties,
    print_drive,
)
from homeprod.drivers.proxmox.forms.form import FormError, Release
from homeprod.drivers.proxmox.forms.net import parse_net, print_net
from homeprod.drivers.proxmox.forms.propertystring import print_properties
from homeprod.drivers.proxmox.forms.size import parse_size, print_size
from homeprod.drivers.proxmox.forms.startup import parse_startup
from homeprod.drivers.proxmox.forms.tag import normalise_tags, parse_tags, print_tags
from homeprod.drivers.proxmox.forms.text import decode_text, encode_text, print_description, settle_description
from homeprod.drivers.proxmox.forms.upid import Upid, parse_upid
from homeprod.drivers.proxmox.forms.volume import parse_volume_id, parse_volume_name
from homeprod.drivers.proxmox.task import classify_exit
from homeprod.plan.volume import read_owner

Reading = tuple[Any, str | None]
Reader = Callable[[Any, Release], Reading]
# The storages that the recording machine had.
STORAGES = {
    "local": "dir",
    "local-lvm": "lvmthin",
    "lvm1": "lvm",
    "zp": "zfspool",
    "ceph": "rbd",
    "nas": "nfs",
    "bak": "pbs",
}


@dataclass(frozen=True)
class Line:
    """One recorded answer. ``number`` counts lines from 1; ``releases`` are those whose code gave it."""

    number: int
    area: str
    input: Any
    ok: bool
    parsed: Any
    printed: str | None
    releases: tuple[Release, ...]

    @property
    def key(self) -> str:
        return f"{self.area.split(' (')[0]}: {json.dumps(self.input)}"


def read_lines(file: Path) -> Iterator[Line]:
    for number, text in enumerate(file.read_text().splitlines(), 1):
        row = json.loads(text)
        releases = tuple(
            release for mark, release in (("9.2.6", (9, 2)), ("8.3.12", (8, 4))) if mark in row["source"]
        )
        yield Line(number, row["area"], row["input"], row["ok"], row["parsed"], row["printed"], releases)


def _net(text: str, release: Release) -> Reading:
    nic = parse_net(text, release)
    named = {"model": nic.model, "macaddr": nic.mac, "bridge": nic.bridge, **dict(nic.options)}
    return {key: value for key, value in named.items() if value is not None}, print_net(nic)


def _drive(slot: str, allocates: bool) -> Reader:
    def read(text: str, release: Release) -> Reading:
        values = parse_drive_properties(slot, text, release, allocates=allocates)
        head = values.pop("file")
        printed = print_properties(values, head)
        if not allocates:
            drive = parse_drive(slot, text, release)
            assert print_drive(drive) == printed
        size = {"size": str(parse_size(values["size"], release))} if "size" in values else {}
        bus = slot.rstrip("0123456789")
        return {**values, **size, "file": head, "interface": bus, "index": slot.removeprefix(bus)}, printed

    return read


def _boot(text: str, _: Release) -> Reading:
    """The recording gives each device of the recorded machine its rank; ours gives the order itself."""
    letters = parse_legacy_boot(text) if "order=" not in text else ""
    if letters:
        ranks = {letter: place for place, letter in enumerate(letters, 1)}
        devices = {"c": "scsi0", "d": "ide2", "n": "net0"}
        return {devices[letter]: rank * 100 for letter, rank in ranks.items() if letter in devices}, None
    order = parse_boot(text)
    written = [part for part in text.replace(" ", ";").partition("order=")[2].split(";") if part]
    last = {device: 100 + place for place, device in enumerate(written)}
    assert tuple(sorted(last, key=lambda device: last[device])) == order.devices
    return last, None


def _startup(text: str, _: Release) -> Reading:
    startup = dataclasses.asdict(parse_startup(text))
    return {key: value for key, value in startup.items() if value is not None}, None


def _tags(text: str, _: Release) -> Reading:
    return None, print_tags(normalise_tags(parse_tags(text)))


def _tag_list(text: str, _: Release) -> Reading:
    return {"list": sorted(normalise_tags(parse_tags(text)))}, None


def _agent(text: str, release: Release) -> Reading:
    agent = parse_agent(text, release)
    return {"enabled": int(agent.enabled), **dict(agent.options)}, print_agent(agent)


def _guest_agent(text: str, release: Release) -> Reading:
    """parse_guest_agent never refuses: what it cannot read is no agent."""
    try:
        agent = parse_agent(text, release)
    except FormError:
        return {}, None
    return ({"enabled": 1, **dict(agent.options)} if agent.enabled else {}), None


def _size(text: str, release: Release) -> Reading:
    size = parse_size(text, release)
    return {"bytes": size}, print_size(size)


def _size_format(text: str, release: Release) -> Reading:
    parse_size(text, release)
    return {"accepted": True}, None


def _upid(text: str, _: Release) -> Reading:
    upid = parse_upid(text)
    named = dataclasses.asdict(upid)
    named["type"], named["starttime"] = named.pop("kind"), named.pop("start")
    return named, str(upid)


def _upid_encode(parts: Mapping[str, Any], _: Release) -> Reading:
    named = {key: value for key, value in parts.items() if key not in {"type", "starttime"}}
    return None, str(Upid(**named, kind=parts["type"], start=parts["starttime"]))


def _volume_id(text: str, _: Release) -> Reading:
    storage, name = parse_volume_id(text)
    return {"storage": storage, "volname": name}, None


def _volume_name(text: str, release: Release) -> Reading:
    storage, name = parse_volume_id(text)
    if storage not in STORAGES:
        raise FormError(f"storage '{storage}' does not exist")
    volume = parse_volume_name(name, STORAGES[storage], release)
    if volume.content == "images":
        assert read_owner(text) == volume.owner
    return {
        "vtype": volume.content,
        "name": volume.name,
        "format": volume.format,
        "vmid": volume.owner,
        "basename": volume.base,
        "basevmid": volume.base_owner,
        "is_base": volume.is_base,
    }, None


def _description(text: str, _: Release) -> Reading:
    return {"description_read_back": settle_description(text) or None}, print_description(text)


def _task_status(text: str, _: Release) -> Reading:
    kind = classify_exit(text)
    return {"type": kind, "is_error": kind not in {"ok", "warning"}}, None


def find_reader(area: str) -> Reader | None:
    """The reader for an area of the recording; None where the form is not ours."""
    name = area.split(" (")[0]
    words = name.split(" ")
    if words[0] == "drive-parse-print" and words[1].rstrip("0123456789") in {
        "ide",
        "sata",
        "scsi",
        "virtio",
        "unused",
    }:
        return _drive(words[1], "(with alloc)" in area)
    if area == "tags get_unique_tags (no_join_result)":
        return _tag_list
    return _READERS.get(name)


_READERS: Mapping[str, Reader] = {
    "net-parse-print": _net,
    "boot-order device_bootorder": _boot,
    "startup pve_parse_startup_order": _startup,
    "tags get_unique_tags": _tags,
    "agent parse_guest_agent": _guest_agent,
    "property-string agent": _agent,
    "size parse_size -> format_size": _size,
    "size format disk-size": _size_format,
    "upid decode -> encode": _upid,
    "upid encode": _upid_encode,
    "volume-id parse_volume_id": _volume_id,
    "volume-name parse_volname": _volume_name,
    "description-to-config-file": _description,
    "task status classification": _task_status,
    "text-encode": lambda text, _: (None, encode_text(text)),
    "text-decode": lambda text, _: (None, decode_text(text)),
}


def compare(line: Line, reader: Reader) -> str:
    """What differs, or nothing."""
    for release in line.releases:
        try:
            parsed, printed = reader(line.input, release)
        except FormError as error:
            if line.ok:
                return f"{release}: refused ({error}), recorded {line.parsed} {line.printed!r}"
            continue
        if not line.ok:
            return f"{release}: read as {parsed}, recorded as refused"
        if line.printed is not None and line.printed != printed:
            return f"{release}: printed {printed!r}, recorded {line.printed!r}"
        if line.parsed is not None and _plain(line.parsed) != _plain(parsed):
            return f"{release}: parsed {parsed}, recorded {line.parsed}"
    return ""


def _plain(value: Any) -> Any:
    """Perl holds some integers as text, flags as 1 or nothing, and this recording's log files and unsaid keys are
    of no interest."""
    if isinstance(value, dict):
        flags = {"is_base": bool(value["is_base"])} if "is_base" in value else {}
        kept = {**value, **flags}
        return {key: _plain(item) for key, item in kept.items() if key != "logfile"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    return str(int(text)) if text.isdigit() else text
