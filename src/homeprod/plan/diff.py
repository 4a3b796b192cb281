"""``diff``: the site and what was read in, a Plan out; no I/O. An apply does what the plan says and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.core.secret import find_secret
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.attributes import find_effect
from homeprod.plan.bundle import DesiredBundle, desire_bundles
from homeprod.plan.change import Action, Change, Difference
from homeprod.plan.coldstart import notice_waiting, plan_cold_start
from homeprod.plan.config import Drive
from homeprod.plan.conflict.adoption import find_losses
from homeprod.plan.conflict.attachment import find_disk_doubts
from homeprod.plan.conflict.blind import find_blind_dangers
from homeprod.plan.conflict.custody import find_dangers
from homeprod.plan.conflict.note import find_long_notes
from homeprod.plan.conflict.obstacle import find_obstacles
from homeprod.plan.conflict.stranger import find_copies, find_stranger
from homeprod.plan.departed import explain_keeping
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.drives import coming_value, compare_attached, compare_disks, notice_disks
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import DesiredImage, desire_images
from homeprod.plan.keys import compare_keys
from homeprod.plan.leftover import find_leftovers
from homeprod.plan.mark import Mark, words_of
from homeprod.plan.place import notice_place
from homeprod.plan.plan import Conflict, Notice, Plan
from homeprod.plan.unknown import find_unknown, leave_unknown_disks
from homeprod.plan.waiting import notice_awaited_key
from homeprod.site.configured import explain_unconfigured
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

NewInstance = Callable[[Address], str]
"""Gives the creation nonce of a machine to be made; never asked for one that is there."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for besides the site. ``starts`` starts machines that somebody stopped."""

    starts: bool = False


def diff(site: Site, actual: Actual, new_instance: NewInstance, wish: Wish | None = None) -> Plan:
    """What would make actual as the site says. A stranger's machine is never changed: one that holds a desired VMID
    is a conflict. Raises HomeprodError where something that would be uploaded looks secret."""
    desired = desire(site)
    unknown = {machine.vmid: machine for machine in find_unknown(site.config.id, desired, actual)}
    files = frozenset((node, volume.id) for (node, _), content in actual.content.items() for volume in content)
    comparison = _Comparison(site, actual, new_instance, wish or Wish(), files, frozenset(unknown))
    changes: list[Change] = [*_compare_files(site, actual)]
    conflicts: list[Conflict] = []
    notices: list[Notice] = []
    listed = {machine.vmid: machine for machine in actual.resources.machines}
    for _, machine in sorted(desired.items()):
        if machine.vmid in unknown:
            continue
        found = actual.machines.get(machine.vmid)
        if awaited := notice_awaited_key(site, site.machines[machine.address.name]):
            notices.append(awaited)
            continue
        if stranger := find_stranger(site.config.id, machine, found, listed.get(machine.vmid)):
            conflicts.append(stranger)
            continue
        made = [*comparison.compare(machine, found)]
        changes += made
        notices += _notice(machine, found, starts=comparison.wish.starts)
        if found is not None:
            step = next((change for change in made if change.action is Action.COLD_START), None)
            notices += notice_waiting(machine, found, actual.machines, step)
        if found is not None and not _is_replaced(machine, changes):
            notices += notice_place(machine, found, actual)
    notices += _notice_stand_ins(site, actual)
    for change in _find_gone(site.config.id, desired, actual):
        if change.address.kind == "data-vm":
            notices.append(_keep(change, {address.name for address in desired}))
            conflicts += _refuse_second_data_vm(change, changes)
        elif reason := _explain_keeping(change, actual):
            notices.append(Notice(change.address, reason))
        else:
            changes.append(change)
    notices += find_copies(site.config.id, desired, actual)
    changes += find_leftovers(site, actual, changes)
    _refuse_secrets(site, changes)
    conflicts += find_disk_doubts(desired, actual)
    conflicts += find_losses(desired, actual)
    conflicts += find_long_notes(site.config.id, desired, actual)
    conflicts += find_dangers(actual, changes, desired)
    conflicts += find_blind_dangers(site.config.id, actual, changes, desired)
    conflicts += find_obstacles(site, actual, changes, desired)
    return Plan(
        tuple(changes),
        tuple(dict.fromkeys(conflicts)),
        tuple(notices),
        _note_basis(desired, actual, unknown),
        tuple(unknown.values()),
    )


def _compare_files(site: Site, actual: Actual) -> Iterator[Change]:
    """Images, and the bundle that control nodes are installed from: on a shared storage once, whatever the nodes."""
    seen: set[str] = set()
    files: tuple[DesiredImage | DesiredBundle, ...] = (*desire_images(site), *desire_bundles(site))
    for wanted in files:
        volumes = actual.content.get((wanted.node, wanted.storage))
        if volumes is None:  # the storage is not there, or off: an obstacle for whatever is made from it
            continue
        is_there = any(volume.id == wanted.volume for volume in volumes)
        if not is_there and not (wanted.volume in seen and actual.is_shared(wanted.storage)):
            seen.add(wanted.volume)
            yield Change(Action.CREATE, wanted.address, wanted.node, why="is not there", volume=wanted.volume)


def _notice_stand_ins(site: Site, actual: Actual) -> Iterator[Notice]:
    """In a lab, another image may stand behind the name of one that cannot be had; its note says which."""
    notes = {volume.id: volume.note for content in actual.content.values() for volume in content if volume.note}
    for address, volume in sorted({(image.address, image.volume) for image in desire_images(site)}):
        if notes.get(volume, "").startswith("stand-in: "):
            yield Notice(address, notes[volume], differs=False)


def _find_gone(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Change]:
    wanted = {machine.vmid for machine in desired.values()}
    for vmid, found in sorted(actual.machines.items()):
        if vmid not in wanted and found.mark is not None and found.mark.site == site_id:
            yield delete_machine(found, found.mark, "is no longer in the site")


def _explain_keeping(change: Change, actual: Actual) -> str:
    found = actual.machines[change.vmid]
    return explain_keeping(found, found.mark) if found.mark is not None else ""


def delete_machine(found: ActualMachine, mark: Mark, why: str) -> Change:
    return Change(Action.DELETE, mark.address, found.listed.node, found.listed.vmid, why=why, instance=mark.instance)


def _keep(change: Change, names: Collection[str]) -> Notice:
    name = str(change.vmid) if change.address.name in names else change.address.name
    return Notice(change.address, f"{change.why}; it is kept with its disks until `homeprod destroy --data {name}`")


def _refuse_second_data_vm(gone: Change, changes: Sequence[Change]) -> Iterator[Conflict]:
    """A data VM with another VMID is another one, and empty; its machine would be given the empty disks."""
    if any(change.action is Action.CREATE and change.address == gone.address for change in changes):
        yield Conflict(
            gone.address,
            f"is VMID {gone.vmid} in Proxmox, with its disks; under another VMID it would be a new one, and empty",
            f"keep its number, or write `vmid={gone.vmid}` into its module",
        )


def _refuse_secrets(site: Site, changes: list[Change]) -> None:
    """Look at every byte that the changes would send to Proxmox's storage and notes."""
    for change in changes:
        declared = site.machines.get(change.address.name)
        if declared is None or change.address != declared.address:
            continue
        if found := find_secret(declared.machine.note.encode()):
            hint = "everybody who sees the machine in Proxmox reads its note; take it out"
            raise HomeprodError(f"the note looks as if it held {found}", where=str(change.address), hint=hint)
        makes_iso = change.action in (Action.CREATE, Action.REPLACE) or any(
            difference.attribute in ("cloud-init", "ide2") for difference in change.differences
        )
        if makes_iso and isinstance(declared.machine, VirtualMachine):
            desire_iso(site, declared.name, declared.machine, change.instance).render_files()


def _notice(machine: DesiredMachine, found: ActualMachine | None, *, starts: bool) -> Iterator[Notice]:
    if found is None:
        return
    if machine.address.kind == "data-vm" and found.is_running:
        yield Notice(machine.address, "is running, and a data VM never should: stop it in Proxmox")
    if machine.address.kind == "vm" and not machine.is_started and found.is_running:
        yield Notice(machine.address, "is running, the site says started=False; it is left so")
    is_off = found.listed.status == "stopped" and not found.is_new and not found.is_owed_a_start
    if machine.is_started and is_off and not starts:
        yield Notice(machine.address, "is stopped; `homeprod apply --start` starts it")
    yield from notice_disks(machine, found)
    if machine.address.kind == "data-vm":
        yield from _notice_undeclared(machine, found)


def _notice_undeclared(machine: DesiredMachine, found: ActualMachine) -> Iterator[Notice]:
    for slot, value in sorted(found.config.config.items()):
        serial = dict(value.options).get("serial", "") if isinstance(value, Drive) else ""
        if serial and not _is_declared(machine, serial):
            yield Notice(machine.address, f"{slot} ({serial}) left the site; it is kept")


def _is_replaced(machine: DesiredMachine, changes: Sequence[Change]) -> bool:
    """One that is replaced is made on the site's node."""
    return bool(changes) and changes[-1].address == machine.address and changes[-1].action is Action.REPLACE


def _is_declared(machine: DesiredMachine, serial: str) -> bool:
    return any(disk.volume or ("serial", serial) in disk.options for disk in machine.disks.values())


def _note_basis(
    desired: Mapping[Address, DesiredMachine], actual: Actual, unknown: Collection[int]
) -> dict[str, str]:
    vmids = {machine.vmid: str(machine.address) for machine in desired.values()}
    vmids |= {vmid: vmids.get(vmid, f"VMID {vmid}") for vmid in actual.machines}
    found = actual.machines
    unread = {vmid: "unknown" if vmid in unknown else "absent" for vmid in vmids}
    return {
        name: found[vmid].config.digest if vmid in found else unread[vmid] for vmid, name in sorted(vmids.items())
    }


@dataclass(frozen=True, slots=True)
class _Comparison:
    site: Site
    actual: Actual
    new_instance: NewInstance
    wish: Wish
    files: frozenset[tuple[str, str]]
    """Node and volume of every file on the storages that were read."""
    unknown: frozenset[int]
    """VMIDs of machines that could not be read."""

    def compare(self, machine: DesiredMachine, found: ActualMachine | None) -> Iterator[Change]:
        """What one machine of the site needs, ours or not there."""
        if found is not None and found.mark is None and machine.is_adopted:
            yield self._adopt(machine, found)
            return
        if found is None or found.mark is None:
            instance = self.new_instance(machine.address)
            why = "is not there"
            yield Change(Action.CREATE, machine.address, machine.node, machine.vmid, why=why, instance=instance)
            return
        forced = tuple(_compare_forces(machine, found, found.mark))
        if forced:
            names = ", ".join(difference.attribute for difference in forced)
            instance = self.new_instance(machine.address)
            why = f"{names} cannot be changed in place"
            yield Change(
                Action.REPLACE, machine.address, found.listed.node, machine.vmid, forced, why, instance=instance
            )
        else:
            yield from self._compare_in_place(machine, found, found.mark)

    def _adopt(self, machine: DesiredMachine, found: ActualMachine) -> Change:
        """The marks; and what its module says otherwise than it is, which is nothing where `adopt` wrote it."""
        effect = find_effect(machine.address.kind, "description", found)
        differences = (
            Difference("mark", None, f"{self.site.config.name}: {machine.address}", effect),
            *self._list_differences(machine, found),
        )
        instance = self.new_instance(machine.address)
        why = "was there before the site"
        node = found.listed.node
        return Change(Action.ADOPT, machine.address, node, machine.vmid, differences, why, instance=instance)

    def _list_differences(self, machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
        yield from compare_keys(machine, found)
        yield from compare_disks(machine, found)
        yield from compare_attached(machine, found, self.actual.machines)
        yield from _compare_words(machine, found)

    def _compare_in_place(self, machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Change]:
        node, vmid = found.listed.node, machine.vmid
        differences = (
            *self._list_differences(machine, found),
            *_compare_address(machine, found, mark),
            *self._compare_iso(machine, found, mark),
        )
        differences = leave_unknown_disks(differences, machine, self.unknown)
        if differences:
            yield Change(Action.UPDATE, machine.address, node, vmid, differences, instance=mark.instance)
        if found.is_new and not machine.is_adopted:
            why = self._explain_finishing(machine.address.name)
            yield Change(Action.FINISH, machine.address, node, vmid, why=why, instance=mark.instance)
        elif machine.is_started and found.is_owed_a_start:
            why = "a cold start was begun, and its end was not seen"
            yield Change(Action.START, machine.address, node, vmid, why=why, instance=mark.instance)
        elif self.wish.starts and machine.is_started and found.listed.status == "stopped":
            yield Change(Action.START, machine.address, node, vmid, why="is stopped", instance=mark.instance)
        policy = self.site.config.cold_starts
        if step := plan_cold_start(policy, machine, found, differences, self.actual.machines):
            yield step

    def _explain_finishing(self, name: str) -> str:
        """One tag stands for both steps that an apply ends with, so that which of them is missing cannot be told."""
        declared = self.site.machines[name]
        if explain_unconfigured(declared):
            return "was made, but its end was not seen"
        return f"its end, or its hand-over to {declared.machine.environment.control_node}, was not seen"

    def _compare_iso(self, machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Difference]:
        declared = self.site.machines[machine.address.name].machine
        if isinstance(declared, VirtualMachine):
            wanted = desire_iso(self.site, machine.address.name, declared, mark.instance).volume
            old = coming_value(found.config, "ide2")
            if not isinstance(old, Drive) or not old.is_cdrom:
                new = Drive(wanted, None, (("media", "cdrom"),))
                yield Difference("ide2", old, new, find_effect("vm", "cloud-init drive", found))
            elif old.volume != wanted:
                yield Difference("cloud-init", old.volume, wanted, find_effect("vm", "cloud-init", found))
            elif self._is_missing(found.listed.node, wanted):
                yield Difference("cloud-init", None, wanted, find_effect("iso", "file", found))

    def _is_missing(self, node: str, volume: str) -> bool:
        """Whether its storage could be read, and does not have it."""
        return (node, volume.partition(":")[0]) in self.actual.content and (node, volume) not in self.files


def _compare_forces(machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Difference]:
    for name, value in sorted(machine.forces.items()):
        if mark.forces.get(name) != value:
            yield Difference(name, mark.forces.get(name), value, find_effect("vm", name, found))


def _compare_words(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    if machine.words is None:
        return
    old = words_of(str(found.config.config.get("description", "")))
    if old != machine.words.strip():
        effect = find_effect(machine.address.kind, "description", found)
        yield Difference("description", old, machine.words.strip(), effect)


def _compare_address(machine: DesiredMachine, found: ActualMachine, mark: Mark) -> Iterator[Difference]:
    if mark.address != machine.address:
        effect = find_effect(machine.address.kind, "address", found)
        yield Difference("address", str(mark.address), str(machine.address), effect)
