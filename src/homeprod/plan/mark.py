"""The mark: what makes a machine one of this site's, written into its note in the very call that makes it.

There is no state file; this note, two tags and file names are all that homeprod keeps, and all in Proxmox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from homeprod.core.address import Address

NEW_TAG = "homeprod-new"
COLD_TAG = "homeprod-cold-start"
"""Set before a running machine is shut down for a cold start and taken away after the start: a machine that is off
and has it was not stopped by a person."""
ADOPTED = "adopted"
"""A line of the mark: the machine was there before the site, which cannot make it."""
LONGEST_NOTE = 8192
"""Characters of a note: ``maxLength`` of ``description`` in the published API schema (8.4 and 9.2)."""
_LINE = re.compile(r"^homeprod-([a-z]+): (\S.*?) *$", re.MULTILINE)
_HEADING = "Kept by homeprod: change the site, not this machine."


@dataclass(frozen=True, slots=True)
class Mark:
    """``site`` is the site id, ``instance`` the creation nonce. ``commit`` is the site's git commit at the last
    write (with a ``+`` where something was not committed), ``time`` when that was (UTC, ISO 8601): neither ever makes
    a difference.
    ``forces`` holds what the machine was made with and cannot be changed in place (image, network, data disks).
    ``vmid`` is there because a clone, or a backup restored to another VMID, has the whole note of the first one."""

    site: str
    address: Address
    vmid: int
    instance: str
    commit: str = ""
    forces: Mapping[str, str] = field(default_factory=dict)
    time: str = ""


def site_tag(site_id: str) -> str:
    """The tag of this site's machines, so that one list shows which they are."""
    return f"homeprod-{site_id[:8]}"


def render_note(mark: Mark, words: str) -> str:
    """The machine's note: the site's own words, then the mark's lines."""
    lines = [_HEADING, "", f"homeprod-site: {mark.site}", f"homeprod-address: {mark.address}"]
    lines += [f"homeprod-vmid: {mark.vmid}", f"homeprod-instance: {mark.instance}"]
    lines += [f"homeprod-{name}: {value}" for name, value in sorted(mark.forces.items())]
    lines += _render_stamp(mark.commit, mark.time)
    return "\n".join([words, "", *lines] if words else lines)


def _render_stamp(commit: str, time: str) -> list[str]:
    return [f"homeprod-{name}: {value}" for name, value in (("commit", commit), ("time", time)) if value]


def stamp_note(note: str, commit: str, time: str) -> str:
    """The note with another commit and time in its mark, and all else, a person's words included, as it is. One that
    would be too long for Proxmox then stays unstamped: no change fails for the sake of a convenience."""
    lines = [line for line in note.splitlines() if not line.startswith(("homeprod-commit: ", "homeprod-time: "))]
    end = max((place for place, line in enumerate(lines, 1) if line.startswith("homeprod-")), default=len(lines))
    stamped = "\n".join([*lines[:end], *_render_stamp(commit, time), *lines[end:]])
    return stamped if len(stamped) <= LONGEST_NOTE else note


@lru_cache(maxsize=8192)  # asked several times a plan for each machine
def parse_note(note: str) -> Mark | None:
    """The mark in a note; None where there is none, or one that homeprod would not write."""
    lines = _LINE.findall(note)
    found = dict(lines)
    if len(found) != len(lines) or not {"site", "address", "vmid", "instance"} <= set(found):
        return None
    try:
        address, vmid = Address.parse(found.pop("address")), int(found.pop("vmid"))
    except ValueError:
        return None
    commit, time = found.pop("commit", ""), found.pop("time", "")
    return Mark(found.pop("site"), address, vmid, found.pop("instance"), commit, found, time)


def words_of(note: str) -> str:
    """What stands before the mark."""
    return note.partition(_HEADING)[0].strip()


def has_mark_lines(note: str) -> bool:
    """Whether something in it would be taken for a line of a mark."""
    return _LINE.search(note) is not None


def strip_mark(note: str) -> str:
    """The note without the mark's lines: as it was before, and with what somebody wrote below them since."""
    lines = [line for line in note.split("\n") if line != _HEADING and not _LINE.fullmatch(line)]
    return "\n".join(lines).rstrip("\n")
