"""Starting, stopping and restarting machines."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.formats import parse_startup
from homeprod.lab.api.routing import Call
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.drive import drives_of, parse_nic
from homeprod.lab.machine.options import is_nic
from homeprod.lab.machine.pending import apply_pending
from homeprod.lab.machine.store import Machine
from homeprod.lab.machine.update import check_lock
from homeprod.lab.ports import DriveFile, StartOrder
from homeprod.lab.storage.names import split_volume
from homeprod.lab.task import Task

SHUTDOWN_TIMEOUT = 60.0
"""Seconds that Proxmox gives a guest that declares no ``startup: down=`` of its own."""


def _skiplock(call: Call) -> bool:
    if call.flag("skiplock") and not call.who.is_root:
        raise refuse_parameters({"skiplock": "Only root may use this option."})
    return call.flag("skiplock")


_ROOT_START = (
    "force-cpu", "migratedfrom", "migration_network", "migration_type", "nets-host-mtu", "stateuri", "targetstorage",
    "with-conntrack-state",
)  # fmt: skip


def _refuse_migration(call: Call) -> None:
    """How another node starts a machine that moves here: root's own, and nothing that the lab does."""
    for name in (*_ROOT_START, "machine"):
        if call.params.get(name) is not None:
            if not call.who.is_root and name != "machine":
                raise refuse_parameters({name: "Only root may use this option."})
            raise ApiError(f"parameter '{name}' is not implemented in the lab", status=501)


def start_machine(call: Call) -> str:
    _refuse_migration(call)
    hypervisor, node, vmid, skips = call.hypervisor, call.node, call.vmid, _skiplock(call)

    async def work(task: Task) -> None:
        await start(hypervisor, node, vmid, task, skips_lock=skips)

    return _begin(call, "start", work)


def _begin(call: Call, verb: str, work: Callable[[Task], Awaitable[None]]) -> str:
    """The UPID of the task that does it, or of the one that asks HA to."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    if vmid in hypervisor.ha.managed:
        hypervisor.machines.read(node, vmid)
        return hypervisor.ha.request(hypervisor.tasks, node, vmid, call.who.id, verb, work)
    return hypervisor.tasks.start(node, f"qm{verb}", str(vmid), call.who.id, work)


async def start(hypervisor: Hypervisor, node: str, vmid: int, task: Task, *, skips_lock: bool = False) -> None:
    """A cold start: what waits takes effect first. Raises ApiError, or LabError of the runner."""
    hypervisor.machines.read(node, vmid)
    async with hypervisor.machines.lock(vmid):
        machine = hypervisor.machines.read(node, vmid)
        if not skips_lock:
            check_lock(machine)
        if machine.document.current.get("template") == "1":
            raise ApiError("you can't start a vm if it's a template")
        if hypervisor.is_running(vmid):
            raise ApiError(f"VM {vmid} already running")
        machine = await settle(hypervisor, machine)
        order = _make_order(hypervisor, machine, task)
        await hypervisor.runner.start(order)
        hypervisor.started_at[vmid] = time.time()


async def settle(hypervisor: Hypervisor, machine: Machine) -> Machine:
    """Bring pending changes into force, the machine being off."""
    if not machine.document.pending and not machine.document.delete:
        return machine
    document = machine.document.copy()
    await apply_pending(hypervisor, machine.vmid, document)
    return hypervisor.machines.write(machine.vmid, machine.node, document)


def _make_order(hypervisor: Hypervisor, machine: Machine, task: Task) -> StartOrder:
    config = machine.document.current
    drives = []
    for drive in drives_of(config, hypervisor.release):
        if drive.is_cloudinit:
            task.say("generating cloud-init ISO")
        if not drive.is_volume:
            continue
        if hypervisor.catalog.find(drive.file) is None:
            raise ApiError(f"volume '{drive.file}' does not exist")
        hypervisor.storage(split_volume(drive.file)[0])
        path, file_format = hypervisor.volumes.path(drive.file), hypervisor.volumes.format(drive.file)
        drives.append(DriveFile(drive.slot, path, file_format, drive.is_cdrom, drive.options))
    for key, value in sorted(config.items()):
        bridge = parse_nic(value, hypervisor.release).get("bridge") if is_nic(key) else None
        if bridge is not None and bridge not in hypervisor.bridges:
            raise ApiError(f"bridge '{bridge}' does not exist")
    name = config.get("name", f"VM {machine.vmid}")
    return StartOrder(machine.vmid, name, dict(config), tuple(drives))


def stop_machine(call: Call) -> str:
    hypervisor, node, vmid, skips = call.hypervisor, call.node, call.vmid, _skiplock(call)
    overrules = call.flag("overrule-shutdown")

    async def work(_: Task) -> None:
        if overrules:
            hypervisor.tasks.stop_all("qmshutdown", str(vmid))
        await stop(hypervisor, node, vmid, skips_lock=skips)

    return _begin(call, "stop", work)


async def stop(hypervisor: Hypervisor, node: str, vmid: int, *, skips_lock: bool = False) -> None:
    hypervisor.machines.read(node, vmid)
    async with hypervisor.machines.lock(vmid):
        machine = hypervisor.machines.read(node, vmid)
        if not skips_lock:
            check_lock(machine)
        if hypervisor.is_running(vmid):
            await hypervisor.runner.stop(vmid)
            await settle(hypervisor, machine)


def shutdown_machine(call: Call) -> str:
    hypervisor, node, vmid, skips = call.hypervisor, call.node, call.vmid, _skiplock(call)
    timeout, force = call.params.get("timeout"), call.flag("forceStop")

    async def work(_: Task) -> None:
        limit = None if timeout is None else float(timeout)
        await shut_down(hypervisor, node, vmid, limit, force=force, skips_lock=skips)

    return _begin(call, "shutdown", work)


async def shut_down(
    hypervisor: Hypervisor, node: str, vmid: int, timeout: float | None, *, force: bool, skips_lock: bool = False
) -> None:
    """Raises ApiError when the guest does not go in time and ``force`` does not pull the plug."""
    hypervisor.machines.read(node, vmid)
    async with hypervisor.machines.lock(vmid):
        machine = hypervisor.machines.read(node, vmid)
        if not skips_lock:
            check_lock(machine)
        if not hypervisor.is_running(vmid):
            return
        if not await hypervisor.runner.shutdown(vmid, _limit(machine, timeout)):
            if not force:
                raise ApiError("VM quit/powerdown failed - got timeout")
            await hypervisor.runner.stop(vmid)
        await settle(hypervisor, hypervisor.machines.read(node, vmid))


def _limit(machine: Machine, timeout: float | None) -> float:
    if timeout is not None:
        return timeout
    startup = parse_startup(machine.document.current.get("startup", "")) or {}
    return float(startup.get("down", SHUTDOWN_TIMEOUT))


def reset_machine(call: Call) -> str:
    hypervisor, vmid = call.hypervisor, call.vmid
    machine = _require_running(call)
    skips = _skiplock(call)

    async def work(_: Task) -> None:
        async with hypervisor.machines.lock(vmid):
            if not skips:
                check_lock(machine)
            await hypervisor.runner.reset(vmid)

    return hypervisor.tasks.start(call.node, "qmreset", str(vmid), call.who.id, work)


def reboot_machine(call: Call) -> str:
    """A shutdown and a start: pending changes take effect in between."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    _require_running(call)
    timeout = call.params.get("timeout")

    async def work(task: Task) -> None:
        limit = None if timeout is None else float(timeout)
        await shut_down(hypervisor, node, vmid, limit, force=False)
        await start(hypervisor, node, vmid, task)

    return hypervisor.tasks.start(node, "qmreboot", str(vmid), call.who.id, work)


def _require_running(call: Call) -> Machine:
    machine = call.hypervisor.machines.read(call.node, call.vmid)
    if not call.hypervisor.is_running(call.vmid):
        raise ApiError(f"VM {call.vmid} not running")
    return machine
