"""Update one machine in place: what its differences say, and nothing else."""

from __future__ import annotations

from homeprod.core.errors import HomeprodError, ProxmoxError, StalePlanError
from homeprod.engine.create import find_volume
from homeprod.engine.file import drop_iso, send_iso
from homeprod.engine.growth import grow_any_disk
from homeprod.engine.work import Say, Work, tell_time
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.change import Change, Difference
from homeprod.plan.config import Config, Drive, NewDrive, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import coming_value
from homeprod.plan.mark import ADOPTED, NEW_TAG, Mark, parse_note, render_note, stamp_note, strip_mark

CHANGED = "somebody changed this machine since the plan was made; it was left as it is"
PLAN_AGAIN = "see what is there now:\n\n  homeprod plan"


def update_machine(work: Work, change: Change, machine: DesiredMachine, say: Say, *, rings: bool = False) -> None:
    """Raises StalePlanError where somebody changed the machine since it was read, and ProxmoxError. One that is told
    to its control node afterwards (``rings``) carries the tag of what is not finished from the first write on."""
    found = work.actual.machines[change.vmid]
    config: dict[str, Value] = {}
    for difference in change.differences:
        config |= _convert(work, change, machine, found, difference, say)
    if config:
        tags = config.get("tags", found.config.config.get("tags", frozenset()))
        if rings and isinstance(tags, frozenset):
            config["tags"] = tags | {NEW_TAG}
        if found.mark is not None:  # a write that happens anyway says of which commit the machine is now, and when
            note = str(found.config.config["description"])
            config.setdefault("description", stamp_note(note, work.manner.commit, tell_time()))
        write_config(work, change, config, say, digest=work.digest(change.vmid))
    for difference in change.differences:
        slot, _, is_size = difference.attribute.partition(" ")
        if isinstance(difference.new, NewDrive) and difference.new.import_from is not None:
            grow_any_disk(work, change, slot, difference.new.size, say)
        if is_size and isinstance(difference.new, int):
            grow_any_disk(work, change, slot, difference.new, say)
        if difference.attribute == "cloud-init" and isinstance(difference.old, str):
            drop_iso(work, change.node, change.vmid, difference.old, say)


def _convert(
    work: Work, change: Change, machine: DesiredMachine, found: ActualMachine, difference: Difference, say: Say
) -> Config:
    """A difference as keys of the configuration; none for one that is no matter of it."""
    key, new = difference.attribute, difference.new
    if key in ("description", "address", "mark"):
        return {"description": _renew_note(work, change, machine, found)}
    if key in ("cloud-init", "ide2"):
        iso = send_iso(work, machine, change.node, change.instance, say)
        return {"ide2": Drive(iso, None, (("media", "cdrom"),))} if iso is not None else {}
    if key == "tags" and isinstance(new, frozenset):
        return {key: new | {NEW_TAG} if found.is_new and not machine.is_adopted else new}
    attached = next((disk for disk in machine.attached if f"disk {disk.serial} of {disk.owner}" == new), None)
    if attached is not None:
        volume = find_volume(work, machine, attached.owner, attached.serial)
        return {key: Drive(volume, None, attached.options)}
    return {} if " " in key or new is None else {key: new}


def _renew_note(work: Work, change: Change, machine: DesiredMachine, found: ActualMachine) -> str:
    mark = found.mark
    if mark is None and machine.is_adopted:
        mark = Mark(work.site.config.id, machine.address, machine.vmid, change.instance, forces={ADOPTED: "yes"})
    if mark is None:
        raise HomeprodError("the machine lost its mark", where=str(machine.address), hint=PLAN_AGAIN)
    commit = work.manner.commit
    renewed = Mark(mark.site, machine.address, mark.vmid, mark.instance, commit, mark.forces, tell_time())
    own = strip_mark(str(found.config.config.get("description", "")))
    return render_note(renewed, own if machine.words is None else machine.words)


def check_same(work: Work, change: Change, current: MachineConfig) -> None:
    """Raises StalePlanError unless the machine at that VMID still is the one that was planned for. For steps that no
    digest guards: a person may have put another one in its place."""
    mark = parse_note(str(current.config.get("description", "")))
    if mark is None or (mark.site, mark.vmid, mark.instance) != (work.site.config.id, change.vmid, change.instance):
        raise StalePlanError(CHANGED, where=str(change.address), hint=PLAN_AGAIN)


def write_config(
    work: Work,
    change: Change,
    config: Config,
    say: Say,
    *,
    delete: tuple[str, ...] = (),
    digest: str = "",
    is_owed: bool = False,
    is_news: bool = True,
) -> None:
    """Write some keys. With ``digest``, only to the configuration as it was read. Raises StalePlanError where that
    moved, unless it moved by this very write, whose answer was lost. ``is_owed`` as of :meth:`Work.run`."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    try:
        work.run(
            lambda: hypervisor.change_machine(node, vmid, config, delete=delete, digest=digest),
            say,
            is_owed=is_owed,
            is_news=is_news,
        )
    except ProxmoxError as error:
        if not digest or "checksum mismatch" not in error.message:
            raise
        if not _has_come(hypervisor.read_machine(node, vmid), config, delete):
            raise StalePlanError(CHANGED, where=str(change.address), hint=PLAN_AGAIN) from error


def remove_tag(work: Work, change: Change, tag: str, say: Say, *, is_owed: bool = False) -> None:
    """By what the tags are now: whoever added one meanwhile keeps it. ``is_owed`` as of :meth:`Work.run`."""
    current = work.hypervisor.read_machine(change.node, change.vmid)
    tags = current.config.get("tags", frozenset())
    if isinstance(tags, frozenset) and tag in tags:
        left = {"tags": tags - {tag}}
        write_config(work, change, left, say, digest=current.digest, is_owed=is_owed, is_news=False)


def _has_come(current: MachineConfig, config: Config, delete: tuple[str, ...]) -> bool:
    """Whether all that was to be written is so, now or after a cold start."""
    is_gone = all(coming_value(current, key) is None for key in delete)
    return is_gone and all(_is_same(coming_value(current, key), value) for key, value in config.items())


def _is_same(there: Value | None, wanted: Value) -> bool:
    if isinstance(wanted, NewDrive):
        return isinstance(there, Drive) and there.storage == wanted.storage
    if isinstance(wanted, Drive):  # its size is Proxmox's own to note
        return isinstance(there, Drive) and (there.volume, there.options) == (wanted.volume, wanted.options)
    if isinstance(wanted, str) and isinstance(there, str):
        return there.strip() == wanted.strip()
    return there == wanted or (there is None and wanted is False)
