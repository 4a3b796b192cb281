"""Hand a machine's own disk over to a data VM, and attach it back: steps that can be cut off anywhere."""

from __future__ import annotations

from dataclasses import replace

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, NotFoundError, ProxmoxError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.engine.read import read_others
from homeprod.engine.update import write_config
from homeprod.engine.work import Say, Work, tell_time
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Config, Drive, Options, Value
from homeprod.plan.draft.text import name_module
from homeprod.plan.drives import coming_config, find_by_serial
from homeprod.plan.handover import Handover, Keeper, Step
from homeprod.plan.mark import Mark, render_note, site_tag, stamp_note
from homeprod.plan.unknown import check_known
from homeprod.site.addresses import MAX_VMID
from homeprod.site.machine import DataVirtualMachine
from homeprod.site.site import Site


def find_user(site: Site, actual: Actual, name: str) -> ActualMachine:
    """The machine of this site that uses the disk. Raises NotFoundError."""
    for found in actual.machines.values():
        mark = found.mark
        if mark is not None and mark.site == site.config.id and mark.address == Address("vm", name):
            return found
    check_known(site, actual, name)
    hint = "it must be the site's first, made or adopted:\n\n  homeprod status"
    raise NotFoundError(f"no machine in Proxmox has this site's mark as {name}", hint=hint)


def find_keeper(site: Site, actual: Actual, user: ActualMachine, name: str) -> Keeper:
    """The data VM of that name: declared, or there with the site's mark, or yet to be made, with the VMID that the
    machine's own gives. Raises UsageError, or HomeprodError for a VMID that is taken."""
    address = Address("data-vm", name)
    if not name.endswith("-data"):
        raise UsageError(f"{name} is no data VM's name", hint=f"data VMs end in -data:\n\n  --to {name}-data")
    declared = site.machines.get(name)
    marked = [found for found in actual.machines.values() if found.mark is not None and found.mark.address == address]
    if declared is not None:
        vmid = site.vmid(declared.machine)
    elif marked:
        vmid = marked[0].listed.vmid
    else:
        vmid = site.config.addresses.data_vmid(user.listed.vmid)
    found = actual.machines.get(vmid)
    keeper = Keeper(address, vmid, found)
    _check_keeper(site, actual, user, keeper)
    return keeper


def _check_keeper(site: Site, actual: Actual, user: ActualMachine, keeper: Keeper) -> None:
    found, where = keeper.found, str(keeper.address)
    if found is None:
        listed = next((machine for machine in actual.resources.machines if machine.vmid == keeper.vmid), None)
        taken = listed.name if listed is not None else site.config.addresses.taken.get(keeper.vmid, "")
        if taken or keeper.vmid > MAX_VMID:
            why = f"is held by {taken!r}" if taken else f"is above Proxmox's {MAX_VMID}"
            module = f"modules/{name_module(keeper.address.name)}.py"
            hint = f"write {module} with the disk and a `vmid=` that is free, then repeat"
            raise HomeprodError(f"its VMID would be {keeper.vmid}, which {why}", where=where, hint=hint)
        return
    mark = found.mark
    if mark is None or mark.site != site.config.id or mark.address.kind != "data-vm":
        hint = "make it the site's first: adopt it, or apply its module"
        raise HomeprodError(f"VMID {keeper.vmid} is not this site's data VM", where=where, hint=hint)
    if found.listed.node != user.listed.node:
        words = f"is on the node {found.listed.node}, the machine on {user.listed.node}"
        raise HomeprodError(
            words, where=where, hint="Proxmox hands a disk over on one node only: migrate one of them"
        )
    if found.listed.status == "running":
        raise HomeprodError("is running, and a data VM never is", where=where, hint="stop it in Proxmox, then repeat")


def check_users(hypervisor: Hypervisor, actual: Actual, handover: Handover) -> None:
    """Raises HomeprodError where some other machine, ours or not, names the volume: it would lose sight of it; and
    where one cannot be asked."""
    if Step.GIVE not in handover.steps:
        return
    involved = {handover.user.listed.vmid, handover.keeper.vmid}
    for other in read_others(hypervisor, actual.resources, involved):
        if handover.drive.volume in other.volumes():
            raise HomeprodError(
                f"{handover.drive.volume} is in use by {other.listed.name!r} (VMID {other.listed.vmid}) too",
                where=f"VMID {handover.user.listed.vmid}",
                hint="shut that one down and detach the disk there first",
            )


def do_handover(work: Work, handover: Handover, say: Say, instance: str) -> Handover:
    """Do the steps that are left; the handover as it stands then. Raises HomeprodError: what was done by then is seen
    by the next run."""
    for step in handover.steps:
        say(step.value)
        if step is Step.MAKE:
            _make_keeper(work, handover, say, instance)
        elif step is Step.LABEL:
            drive = replace(handover.drive, options=_merge(handover.drive.options, serial=handover.label))
            _write(work, handover.user, {handover.slot: drive}, say, handover.user.config.digest)
        elif step is Step.GIVE:
            handover = _give(work, handover, say)
        elif step is Step.UNBACK:
            drive = replace(handover.drive, options=_merge(handover.drive.options, backup="0"))
            _write_to(
                work,
                handover.keeper.address,
                handover.user.listed.node,
                handover.keeper.vmid,
                {handover.as_slot: drive},
                say,
            )
        elif step is Step.ATTACH:
            options = _merge(handover.drive.options, backup="1", serial=handover.label)
            _write(work, handover.user, {handover.slot: Drive(handover.drive.volume, None, options)}, say)
    return handover


def _merge(options: Options, **more: str) -> Options:
    return tuple(sorted({**dict(options), **more}.items()))


def _make_keeper(work: Work, handover: Handover, say: Say, instance: str) -> None:
    """Empty: its disk comes. With its mark, as every machine of the site is made."""
    keeper, node = handover.keeper, handover.user.listed.node
    commit = work.manner.commit
    mark = Mark(work.site.config.id, keeper.address, keeper.vmid, instance, commit, time=tell_time())
    declared = work.site.machines.get(keeper.address.name)
    wanted = work.desired.get(keeper.address)
    config: dict[str, Value] = {
        "name": keeper.address.name,
        "tags": frozenset({site_tag(work.site.config.id)}),
        "onboot": False,
        "protection": True,
    }
    if wanted is not None and declared is not None and isinstance(declared.machine, DataVirtualMachine):
        config = {**wanted.config}
    config["description"] = render_note(mark, (wanted.words or "") if wanted is not None else "")
    try:
        work.run(lambda: work.hypervisor.create_machine(node, keeper.vmid, config), say)
    except ProxmoxError:
        # The answer may have been lost, and the machine made all the same.
        found = work.hypervisor.read_machine(node, keeper.vmid)
        if coming_config(found).get("description") != config["description"]:
            raise


def _give(work: Work, handover: Handover, say: Say) -> Handover:
    """Renames the volume. Proven by a read, also where the answer was lost."""
    node, user, keeper = handover.user.listed.node, handover.user.listed.vmid, handover.keeper.vmid
    hypervisor = work.hypervisor
    if hypervisor.read_status(node, user) != "stopped":
        hint = f"shut it down, then repeat:\n\n  qm shutdown {user}"
        raise HomeprodError("was started meanwhile", where=f"VMID {user}", hint=hint)
    digest = hypervisor.read_machine(node, user).digest
    refusal: ProxmoxError | None = None
    try:
        work.run(
            lambda: hypervisor.give_disk(
                node, user, handover.slot, to=keeper, as_slot=handover.as_slot, digest=digest
            ),
            say,
        )
    except ProxmoxError as error:
        refusal = error
    there = find_by_serial(coming_config(hypervisor.read_machine(node, keeper)), handover.label)
    if there is None:
        raise refusal or ProxmoxError("the disk was given, and is not there", where=str(handover.keeper.address))
    return replace(handover, as_slot=there[0], drive=there[1])


def _write(work: Work, found: ActualMachine, config: Config, say: Say, digest: str = "") -> None:
    """To the disk's user. Its mark says of which commit and when, as after every write; its note is read anew for
    that, since it was written to before."""
    address = found.mark.address if found.mark is not None else Address("vm", found.listed.name)
    node, vmid = found.listed.node, found.listed.vmid
    now = work.hypervisor.read_machine(node, vmid)
    note = stamp_note(str(now.config.get("description", "")), work.manner.commit, tell_time())
    _write_to(work, address, node, vmid, {**config, "description": note}, say, digest or now.digest)


def _write_to(work: Work, address: Address, node: str, vmid: int, config: Config, say: Say, digest: str = "") -> None:
    write_config(work, Change(Action.UPDATE, address, node, vmid), config, say, digest=digest)
