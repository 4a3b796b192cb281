"""A plan kept in a file, to be read, agreed upon, and then applied as it was, or not at all.

The file holds what the plan says and what it was decided from, and nothing that anybody must keep: applying it makes
the plan anew and refuses to go on where it came out otherwise.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from homeprod.cli.showplan import describe_change
from homeprod.core.errors import HomeprodError, StalePlanError, UsageError
from homeprod.drivers.proxmox import encode_config, encode_value
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import desire
from homeprod.plan.leftover import name_iso_volume
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

FORMAT = 1
WRITE_ONE = "write one:\n\n  homeprod plan --out FILE"
LARGEST = 64 * 1024**2
"""Bytes; a plan for a thousand machines has one or two million."""


class _KeptChange(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    action: str
    address: str
    node: str
    vmid: int | None
    why: str
    differences: list[dict[str, str | None]]


class _Content(BaseModel):
    """Exactly what ``write_plan_file`` writes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: int = Field(alias="homeprod-plan")
    site: str
    changes: list[_KeptChange]
    basis: dict[str, str]
    wanted: dict[str, str]
    instances: dict[str, Annotated[str, Field(pattern=r"\A[0-9a-f]{1,32}\z")]]
    only: list[str]
    start: bool


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """``changes`` and ``basis`` as they were; ``wanted`` is the digest of each machine to be made, ``instances`` are
    the nonces that were chosen, by address."""

    file: Path
    changes: list[dict[str, Any]]
    basis: Mapping[str, str]
    wanted: Mapping[str, str]
    instances: Mapping[str, str]
    only: list[str]
    start: bool


def write_plan_file(file: Path, site: Site, plan: Plan, options: argparse.Namespace) -> None:
    """Whole or not at all. Raises HomeprodError."""
    content = {
        "homeprod-plan": FORMAT,
        "site": site.config.id,
        "changes": [_describe(change) for change in plan.changes],
        "basis": dict(plan.basis),
        "wanted": dict(_list_wanted(site, plan)),
        "instances": {str(change.address): change.instance for change in plan.changes if change.instance},
        "only": list(options.only),
        "start": options.start,
    }
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        os.replace(temporary, file)  # noqa: PTH105 (atomic by intent, and named so)
    except OSError as error:
        raise HomeprodError(f"cannot write the plan: {error.strerror}", where=str(file)) from None


def read_plan_file(file: Path, site: Site) -> KeptPlan:
    """Raises UsageError for a file that is no plan of this site."""
    try:
        content = json.loads(_read_text(file))
        if isinstance(content, dict) and content.get("homeprod-plan", FORMAT) != FORMAT:
            raise UsageError("a plan of another release of homeprod", where=str(file), hint=WRITE_ONE)
        kept = _Content.model_validate(content)
    except OSError as error:
        raise UsageError(f"cannot read the plan: {error.strerror}", where=str(file), hint=WRITE_ONE) from None
    except (ValueError, RecursionError):
        raise UsageError("is no plan of homeprod", where=str(file), hint=WRITE_ONE) from None
    if kept.site != site.config.id:
        raise UsageError("a plan of another site", where=str(file), hint=f"this site is {site.config.name}")
    changes = [change.model_dump() for change in kept.changes]
    return KeptPlan(file, changes, kept.basis, kept.wanted, kept.instances, kept.only, kept.start)


def _read_text(file: Path) -> str:
    """Raises ValueError for what is no file of a plan's size, unread."""
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise ValueError(file)
    return file.read_text()


def _list_wanted(site: Site, plan: Plan) -> Iterator[tuple[str, str]]:
    """A creation has no differences, so that a digest stands for all that would be made."""
    desired = desire(site)
    for change in plan.of(Action.CREATE, Action.REPLACE):
        if (machine := desired.get(change.address)) is not None:
            drives = {slot: encode_value(drive) for slot, drive in machine.disks.items()}
            attached = [(disk.slot, disk.owner, disk.serial, disk.backup) for disk in machine.attached]
            place = (machine.node, machine.is_started, name_iso_volume(site, change))
            text = json.dumps(
                [encode_config(machine.config), drives, attached, dict(machine.forces), machine.words, place],
                sort_keys=True,
            )
            yield str(change.address), hashlib.sha256(text.encode()).hexdigest()


def check_fresh(kept: KeptPlan, site: Site, plan: Plan) -> None:
    """Raises StalePlanError, naming everything that moved since the plan was kept."""
    moved = {name for name in kept.basis.keys() | plan.basis.keys() if kept.basis.get(name) != plan.basis.get(name)}
    wanted = dict(_list_wanted(site, plan))
    moved |= {name for name in kept.wanted.keys() | wanted.keys() if kept.wanted.get(name) != wanted.get(name)}
    before = {_key(change): change for change in kept.changes}
    now = {_key(change): change for change in map(_describe, plan.changes)}
    moved |= {name for name, _ in before.keys() ^ now.keys()}
    moved |= {key[0] for key in before.keys() & now.keys() if before[key] != now[key]}
    if moved:
        raise StalePlanError(
            f"the plan is stale, and nothing was done; what moved since: {', '.join(sorted(moved))}",
            where=str(kept.file),
            hint=f"plan again, and look at it again:\n\n  homeprod plan --out {kept.file}",
        )


def _describe(change: Change) -> dict[str, Any]:
    return describe_change(change).model_dump(mode="json")


def _key(change: Mapping[str, Any]) -> tuple[str, str]:
    return str(change["address"]), f"{change['action']} on {change['node']}"
