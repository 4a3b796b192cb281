"""``diff``: desired and actual in, a Plan out; no I/O. An apply does what the plan says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.plan.actual import ListedMachine, MachineConfig
from homeprod.plan.attributes import EFFECTS
from homeprod.plan.change import Action, Change, Difference, Effect
from homeprod.plan.config import Config, Drive, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import NEW_TAG, Mark, parse_note, words_of


@dataclass(frozen=True, slots=True)
class ActualMachine:
    """A machine as listed and as read."""

    listed: ListedMachine
    config: MachineConfig

    @property
    def mark(self) -> Mark | None:
        note = self.config.config.get("description", "")
        return parse_note(note) if isinstance(note, str) else None


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the site asks for and Proxmox cannot give: a person must decide."""

    address: Address
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``changes`` in the order of addresses, deletions last; ``waiting`` are values that a cold start will bring."""

    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...] = ()
    waiting: tuple[tuple[Address, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.conflicts


def diff(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Mapping[int, ActualMachine]) -> Plan:
    """What would make actual as desired. ``actual`` holds every machine that the site asks for or that carries its
    mark, by VMID. A stranger's machine is never changed: one that holds a desired VMID is a conflict."""
    changes: list[Change] = []
    conflicts: list[Conflict] = []
    waiting: list[tuple[Address, str]] = []
    for address, machine in sorted(desired.items()):
        found = actual.get(machine.vmid)
        if found is None:
            changes.append(Change(Action.CREATE, address, machine.vmid, why="is not there"))
        elif found.mark is None or found.mark.site != site_id:
            conflicts.append(_refuse_stranger(machine, found))
        else:
            changes += _compare(machine, found, found.mark)
            waiting += [(address, key) for key in sorted(found.config.pending)]
    changes += _find_orphans(site_id, desired, actual)
    return Plan(tuple(changes), tuple(conflicts), tuple(waiting))


def _refuse_stranger(machine: DesiredMachine, found: ActualMachine) -> Conflict:
    return Conflict(
        machine.address,
        f"VMID {machine.vmid} is held by {found.listed.name!r}, which is not this site's",
        "choose another number or vmid, or write the VMID into `taken` of the AddressPlan",
    )


def _find_orphans(
    site_id: str, desired: Mapping[Address, DesiredMachine], actual: Mapping[int, ActualMachine]
) -> Iterator[Change]:
    wanted = {machine.vmid for machine in desired.values()}
    for vmid, found in sorted(actual.items()):
        if vmid not in wanted and found.mark is not None and found.mark.site == site_id:
            yield Change(Action.DELETE, found.mark.address, vmid, why="is no longer in the site")


def _compare(machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Change]:
    forced = tuple(
        Difference(name, mark.forces.get(name), value, Effect.REPLACEMENT)
        for name, value in sorted(machine.forces.items())
        if mark.forces.get(name) != value
    )
    if forced:
        why = f"{', '.join(difference.attribute for difference in forced)} cannot be changed in place"
        yield Change(Action.REPLACE, machine.address, machine.vmid, forced, why)
        return
    differences = (
        *_compare_keys(machine, found),
        *_compare_sizes(machine, found),
        *_compare_note(machine, found, mark),
    )
    if differences:
        yield Change(Action.UPDATE, machine.address, machine.vmid, differences)
    if _is_new(found):
        yield Change(Action.FINISH, machine.address, machine.vmid, why="was created, but not finished")


def _is_new(found: ActualMachine) -> bool:
    tags = found.config.config.get("tags", frozenset())
    return isinstance(tags, frozenset) and NEW_TAG in tags


def _compare_keys(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    """Only keys that the site manages; what it does not name is left alone."""
    for key, new in sorted(machine.config.items()):
        old = _wanted_value(found.config, key)
        if key == "tags" and isinstance(old, frozenset):
            old -= {NEW_TAG}
        if old is None and new is False:  # Proxmox's default of onboot and protection
            continue
        if old != new:
            yield Difference(key, old, new, EFFECTS[key])


def _wanted_value(actual: MachineConfig, key: str) -> Value | None:
    """What the key will be once everything that waits has come: a change that waits is not planned again."""
    return actual.pending[key] if key in actual.pending else actual.config.get(key)


def _compare_sizes(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    for slot, new in sorted(machine.disks.items()):
        old = found.config.config.get(slot)
        if not isinstance(old, Drive):
            yield Difference(slot, None, new, Effect.LIVE)
        elif old.size is not None and old.size < new.size:
            yield Difference(f"{slot} size", old.size, new.size, Effect.LIVE)


def _compare_note(machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Difference]:
    config: Config = found.config.config
    old = words_of(str(config.get("description", "")))
    if old != machine.words.strip():
        yield Difference("description", old, machine.words.strip(), Effect.LIVE)
    if mark.address != machine.address:
        yield Difference("address", str(mark.address), str(machine.address), Effect.LIVE)
