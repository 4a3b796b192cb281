"""Destroying a machine, and what goes with it."""

from __future__ import annotations

from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.routing import Call
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.disks import find_owner, free_volume
from homeprod.lab.machine.document import Config, Document
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.options import is_drive, is_unused
from homeprod.lab.machine.update import check_lock
from homeprod.lab.task import Task


def destroy_machine(call: Call) -> str:
    """Answers the UPID of a ``qmdestroy`` task. Refused at once when protected or running."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    skips = call.flag("skiplock")
    if skips and not call.who.is_root:
        raise refuse_parameters({"skiplock": "Only root may use this option."})
    _check(hypervisor, node, vmid)
    hypervisor.ha.check_removal(vmid, purges=call.flag("purge"))
    purges, sweeps = call.flag("purge"), call.flag("destroy-unreferenced-disks")

    async def work(task: Task) -> None:
        async with hypervisor.machines.lock(vmid):
            machine = hypervisor.machines.read(node, vmid)
            if not skips:
                check_lock(machine)
            _check(hypervisor, node, vmid)
            await _free_volumes(hypervisor, vmid, machine.document, task, sweeps=sweeps)
            if purges:
                task.say(f"purging VM {vmid} from related configurations..")
            hypervisor.ha.managed.discard(vmid)
            hypervisor.pools.remove_machine(vmid)
            hypervisor.started_at.pop(vmid, None)
            hypervisor.machines.remove(vmid)

    return hypervisor.tasks.start(node, "qmdestroy", str(vmid), call.who.id, work)


def _check(hypervisor: Hypervisor, node: str, vmid: int) -> None:
    machine = hypervisor.machines.read(node, vmid)
    if machine.document.current.get("protection") == "1":
        raise ApiError(f"can't remove VM {vmid} - protection mode enabled")
    if hypervisor.is_running(vmid):
        raise ApiError(f"VM {vmid} is running - destroy failed")


async def _free_volumes(hypervisor: Hypervisor, vmid: int, document: Document, task: Task, *, sweeps: bool) -> None:
    """Only the machine's own volumes, by their names; who else uses one of them is not asked."""
    volumes = _named_volumes(hypervisor, document)
    if sweeps:
        volumes |= {record.volume for record in hypervisor.catalog.owned_by(vmid)}
    for volume in sorted(volumes):
        if find_owner(hypervisor, volume) != vmid or hypervisor.catalog.find(volume) is None:
            continue
        try:
            await free_volume(hypervisor, volume)
        except (ApiError, OSError) as error:
            words = error.message if isinstance(error, ApiError) else str(error)
            task.warn(f"Could not remove disk '{volume}', check manually: {words}")


def _named_volumes(hypervisor: Hypervisor, document: Document) -> set[str]:
    sections: list[Config] = [document.current, document.pending, *document.snapshots.values()]
    found = set()
    for section in sections:
        for key, value in section.items():
            if is_drive(key):
                drive = parse_drive(key, value, hypervisor.release)
                if drive is not None and drive.is_volume:
                    found.add(drive.file)
            elif is_unused(key):
                found.add(value.split(",")[0])
    return found
