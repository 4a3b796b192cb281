"""Forget: take this site's marks off machines, and leave all else of them as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from homeprod.core.address import Address
from homeprod.core.errors import NotFoundError, UsageError
from homeprod.engine.update import write_config
from homeprod.engine.work import Say, Work
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Value
from homeprod.plan.mark import COLD_TAG, NEW_TAG, site_tag, strip_mark


@dataclass(frozen=True, slots=True)
class Oblivion:
    """What would be taken from one machine: ``note`` and ``tags`` are what is left of them."""

    address: Address
    found: ActualMachine
    note: str
    tags: frozenset[str]


def plan_oblivion(site_id: str, actual: Actual, names: Sequence[str], *, takes_all: bool) -> list[Oblivion]:
    """The machines of these names (or VMIDs) that carry the site's mark; or all that do, copies made by hand among
    them. Raises NotFoundError for a name that none carries, UsageError for one that several do."""
    marked = list(_list_marked(site_id, actual))
    if takes_all:
        return marked
    return [_find_named(marked, name) for name in dict.fromkeys(names)]


def _list_marked(site_id: str, actual: Actual) -> Iterator[Oblivion]:
    tag = site_tag(site_id)
    for _, found in sorted(actual.machines.items()):
        mark, note = found.note_mark, found.config.config.get("description", "")
        if mark is not None and mark.site == site_id:
            tags = found.config.config.get("tags", frozenset())
            left = tags - {tag, NEW_TAG, COLD_TAG} if isinstance(tags, frozenset) else frozenset[str]()
            yield Oblivion(mark.address, found, strip_mark(str(note)), left)


def _find_named(marked: Sequence[Oblivion], name: str) -> Oblivion:
    fit = [item for item in marked if name in (item.address.name, str(item.found.listed.vmid))]
    if not fit:
        known = ", ".join(item.address.name for item in marked) or "none"
        raise NotFoundError(f"no machine in Proxmox has this site's mark as {name}", hint=f"there are: {known}")
    if len(fit) > 1:
        lines = "".join(f"\n  homeprod forget {item.found.listed.vmid}" for item in fit)
        raise UsageError(f"{name} is the mark of several machines", hint=f"say which by its VMID:\n{lines}")
    return fit[0]


@dataclass(slots=True)
class _Writing:
    config: dict[str, Value] = field(default_factory=dict)
    delete: list[str] = field(default_factory=list)


def forget_machine(work: Work, item: Oblivion, say: Say) -> None:
    """One write. Raises StalePlanError where the machine changed since it was read, and ProxmoxError."""
    writing = _Writing()
    values: dict[str, Value] = {"description": item.note, "tags": item.tags}
    for key, value in values.items():
        if value:
            writing.config[key] = value
        elif key in item.found.config.config:
            writing.delete.append(key)
    listed = item.found.listed
    change = Change(Action.UPDATE, item.address, listed.node, listed.vmid)
    write_config(work, change, writing.config, say, delete=tuple(writing.delete), digest=item.found.config.digest)
