"""Drill: machines destroyed on purpose, to be made again from git. What stands in its way, what it may lose, what it
must not, and how far one came that was cut off."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Drive
from homeprod.plan.conflict.blind import find_blind_dangers
from homeprod.plan.conflict.custody import find_dangers
from homeprod.plan.conflict.obstacle import find_obstacles
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.leftover import read_machine_name
from homeprod.plan.plan import Conflict, Plan
from homeprod.plan.volume import read_owner
from homeprod.site.configured import name_keeper
from homeprod.site.site import Site

HEADING = "a drill of homeprod's is under way: "
_APPLY = "make it as the site says first, and see that the plan is empty:\n\n  homeprod apply\n  homeprod plan"


@dataclass(frozen=True, slots=True)
class KeptDisk:
    """A data VM's disk. ``size`` in bytes; ``label`` is its serial."""

    owner: str
    vmid: int
    slot: str
    label: str
    volume: str
    size: int | None


@dataclass(frozen=True, slots=True)
class DrillNote:
    """What a drill keeps in Proxmox from its first write until it has come to its end. ``began`` is UTC, ISO 8601.
    ``machines`` are those that it makes again, with the instance that each had before; ``disks`` what was there to be
    kept, and ``keys`` by control node the digest of its public keys."""

    began: str
    machines: Mapping[str, str]
    disks: tuple[KeptDisk, ...]
    keys: Mapping[str, str]

    def render(self) -> str:
        """One line, for a pool's comment."""
        return HEADING + json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> DrillNote:
        """Raises HomeprodError for what no drill wrote."""
        try:
            told = json.loads(text.removeprefix(HEADING))
            disks = tuple(KeptDisk(**one) for one in told["disks"])
            return cls(str(told["began"]), dict(told["machines"]), disks, dict(told["keys"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            hint = "look at it; to begin without it:\n\n  homeprod drill rebuild --anew …"
            raise HomeprodError("the note of a drill is not one that homeprod wrote", hint=hint) from error

    def is_old(self, name: str, found: ActualMachine) -> bool:
        """Whether this still is the machine that the drill found, and is to destroy."""
        return self.machines.get(name) == name_instance(found)


def name_instance(found: ActualMachine) -> str:
    """The machine's life, as rings call it; empty where it is not marked."""
    return f"{found.listed.vmid}-{found.mark.instance}" if found.mark is not None else ""


def list_kept(site: Site, actual: Actual) -> tuple[KeptDisk, ...]:
    """Every disk that a data VM of the site owns, attached somewhere or not."""
    found = []
    for vmid, machine in sorted(actual.machines.items()):
        mark = machine.mark
        if mark is None or mark.site != site.config.id or mark.address.kind != "data-vm":
            continue
        for slot, drive in sorted(machine.config.config.items()):
            if isinstance(drive, Drive) and not drive.is_cdrom and read_owner(drive.volume) == vmid:
                label = dict(drive.options).get("serial", "")
                found.append(KeptDisk(str(mark.address), vmid, slot, label, drive.volume, drive.size))
    return tuple(found)


def compare_kept(before: KeptDisk, after: Iterable[KeptDisk]) -> str:
    """What is not as it was; empty where it is the same volume in the same place, of the same size."""
    here = next((one for one in after if (one.vmid, one.slot) == (before.vmid, before.slot)), None)
    if here is None:
        return "is gone"
    if here.volume != before.volume:
        return f"is another volume: {here.volume}, and was {before.volume}"
    if here.size != before.size:
        return f"has another size: {here.size} bytes, and had {before.size}"
    return "" if here.label == before.label else f"is called {here.label!r}, and was {before.label!r}"


def find_refusals(
    site: Site,
    actual: Actual,
    plan: Plan,
    chosen: Mapping[Address, DesiredMachine],
    desired: Mapping[Address, DesiredMachine],
    note: DrillNote | None = None,
    *,
    boots: bool = True,
) -> Iterator[Conflict]:
    """Why these machines may not be destroyed; nothing is touched while there is one. ``plan`` is the part of the
    plan that is about them. ``note`` is of the drill that is gone on with: what it left half-done is excused.
    ``boots`` is whether guests come up there."""
    yield from plan.conflicts
    yield from (Conflict(one.address, one.message, one.hint) for one in plan.unknown)
    yield from find_absent_keepers(site, actual, chosen)
    for change in plan.changes:
        if not (_is_excused(change, actual, note) or (not boots and is_never_finished(site, change))):
            words = f"is not as the site says: the plan would {change.action.value} it"
            yield Conflict(change.address, f"{words} ({change.why})" if change.why else words, _APPLY)
    for address in (notice.address for notice in plan.notices if notice.waits and notice.address in chosen):
        yield Conflict(address, "is not made yet: it waits for its control node's key", _APPLY)
    doomed = list_doomed(actual, chosen, note)
    for address, found in doomed.items():  # one that is gone on with may have been shut down for it
        if chosen[address].is_started and not found.is_running and note is None:
            hint = f"start it, or leave it out of the drill:\n\n  homeprod apply --start --only {address.name}"
            yield Conflict(address, "is off, so nobody knows whether it serves now", hint)
    changes = [_replace(address, found, chosen[address]) for address, found in doomed.items()]
    yield from find_dangers(actual, changes, desired)
    yield from find_blind_dangers(site.config.id, actual, changes, desired)
    yield from find_obstacles(site, actual, changes, desired)


def find_absent_keepers(site: Site, actual: Actual, chosen: Collection[Address]) -> Iterator[Conflict]:
    """Of the chosen those that a control node configures which stays, and is not there: they would be made again, and
    never be configured. Whether one that is there is Ready, only it can say."""
    names = {address.name for address in chosen}
    for address in chosen:
        node = name_keeper(site, site.machines[address.name])
        if not node or node in names:
            continue
        found = actual.machines.get(site.vmid(site.machines[node].machine))
        if found is None or not _is_ours(site, node, found):
            hint = f"make it first:\n\n  homeprod apply --only {node}"
            yield Conflict(address, f"is configured by {node}, which is not made", hint)
        elif not found.is_running:
            hint = f"start it first:\n\n  homeprod apply --start --only {node}"
            yield Conflict(address, f"is configured by {node}, which is off", hint)


def _is_ours(site: Site, name: str, found: ActualMachine) -> bool:
    mark = found.mark
    return mark is not None and mark.site == site.config.id and mark.address == Address("vm", name)


def is_never_finished(site: Site, change: Change) -> bool:
    """Whether a place that boots nothing leaves the machine unfinished whatever is done: it is handed over to a
    control node by the host key that its guest would have made."""
    declared = site.machines.get(change.address.name)
    return change.action is Action.FINISH and declared is not None and name_keeper(site, declared) != ""


def list_doomed(
    actual: Actual, chosen: Mapping[Address, DesiredMachine], note: DrillNote | None = None
) -> dict[Address, ActualMachine]:
    """Those of the chosen that are there and to be destroyed, in the order of the choice."""
    found = {address: actual.machines.get(machine.vmid) for address, machine in chosen.items()}
    return {
        address: machine
        for address, machine in found.items()
        if machine is not None and (note is None or note.is_old(address.name, machine))
    }


def plan_rebuilding(doomed: Mapping[Address, ActualMachine], chosen: Mapping[Address, DesiredMachine]) -> Plan:
    """The same as replacements: for what has to be there, and allowed, before any of them is destroyed."""
    return Plan(tuple(_replace(address, found, chosen[address]) for address, found in doomed.items()))


def _replace(address: Address, found: ActualMachine, machine: DesiredMachine) -> Change:
    return Change(Action.REPLACE, address, found.listed.node, machine.vmid, why="for a drill")


def _is_excused(change: Change, actual: Actual, note: DrillNote | None) -> bool:
    if note is None:
        return False
    name, found = change.address.name, actual.machines.get(change.vmid)
    if change.address.kind == "iso":
        return change.action is Action.DELETE and read_machine_name(name) in note.machines
    if change.address.kind != "vm" or name not in note.machines:
        return False
    if change.action in (Action.CREATE, Action.FINISH):
        return True
    if change.action is not Action.UPDATE or found is None:
        return False
    return not note.is_old(name, found) or _is_let_go(change, found)  # made again, and not yet whole


def _is_let_go(change: Change, found: ActualMachine) -> bool:
    """Whether it lacks nothing but its data disks, which were taken off before it was to be destroyed."""
    return not found.is_running and all(
        difference.old is None and _names_a_disk(difference.attribute) for difference in change.differences
    )


def _names_a_disk(attribute: str) -> bool:
    return attribute.startswith("scsi") and attribute != "scsi0" and " " not in attribute


def list_apart(site: Site, actual: Actual, chosen: Collection[str]) -> list[str]:
    """Machines of the site that are there, and that the drill leaves as they are, data VMs aside. One that cannot be
    read just now is there all the same."""
    listed = {machine.vmid for machine in actual.resources.machines}
    others = [one for one in site.machines.values() if one.address.kind == "vm" and one.name not in chosen]
    there = [one for one in others if site.vmid(one.machine) in listed]
    found = {one.name: actual.machines.get(site.vmid(one.machine)) for one in there}
    return [name for name, machine in found.items() if machine is None or _is_ours(site, name, machine)]
