"""Creating a machine: POST /nodes/{node}/qemu."""

from __future__ import annotations

import time
import uuid

from homeprod.lab.api.error import ApiError, deny, unknown_method
from homeprod.lab.api.routing import Call
from homeprod.lab.machine import power
from homeprod.lab.machine.boot import default_order
from homeprod.lab.machine.disks import DriveMaker
from homeprod.lab.machine.document import Config, Document, verify_stored
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.machinetype import CREATION_QEMU, pin_machine
from homeprod.lab.machine.options import DRIVE_SLOTS, is_drive
from homeprod.lab.machine.request import prepare_options, require_options, split_options, verify_keys
from homeprod.lab.machine.store import CREATE_TIMEOUT
from homeprod.lab.task import Task


def create_machine(call: Call) -> str:
    """Answers the UPID of a ``qmcreate`` task."""
    hypervisor, vmid, node = call.hypervisor, call.vmid, call.node
    _refuse_archive(call)
    pool = call.text("pool")
    _require_creation(call, pool)
    if call.flag("ha-managed"):
        raise ApiError("parameter 'ha-managed' is not implemented in the lab", status=501)
    if keys := call.text("sshkeys"):
        verify_keys(keys)
    options = split_options(call.params)
    require_options(call, vmid, options)
    prepared = prepare_options(call, vmid, options, is_new=True)
    if (known := hypervisor.machines.find(vmid)) is not None:
        raise ApiError(f"unable to create VM {vmid} - VM {vmid} already exists on node '{known.node}'")
    # Proxmox reserves the VMID in the call itself, by a file that says it is being made.
    hypervisor.machines.write(vmid, node, Document({"lock": "create"}))
    start = call.flag("start")

    async def work(task: Task) -> None:
        await _create(call, task, prepared)
        if pool:
            hypervisor.pools.add_machine(pool, vmid)
        if start:
            try:
                await power.start(hypervisor, node, vmid, task)
            except ApiError as error:
                task.warn(f"start failed: {error.message}")

    return hypervisor.tasks.start(node, "qmcreate", str(vmid), call.who.id, work)


def _refuse_archive(call: Call) -> None:
    archive = call.text("archive")
    if not archive:
        return
    if archive.startswith("/"):
        raise ApiError(f"can't find file '{archive}'")
    if call.hypervisor.catalog.find(archive) is None:
        raise ApiError(f"volume '{archive}' does not exist")
    raise unknown_method("POST", f"/nodes/{call.node}/qemu")


def _require_creation(call: Call, pool: str) -> None:
    if pool and pool not in call.hypervisor.pools.pools:
        raise deny(f"pool '{pool}' does not exist")
    if not (pool and call.holds(f"/pool/{pool}", "VM.Allocate")) and not call.holds(
        f"/vms/{call.vmid}", "VM.Allocate"
    ):
        raise deny()


async def _create(call: Call, task: Task, prepared: dict[str, str | None]) -> None:
    hypervisor, vmid, node = call.hypervisor, call.vmid, call.node
    maker = DriveMaker(hypervisor, vmid, node, task.say, is_base=prepared.get("template") == "1")
    try:
        async with hypervisor.machines.lock(vmid, CREATE_TIMEOUT):
            config = await _make_config(call, task, prepared, maker)
            hypervisor.machines.write(vmid, node, Document(config))
    except (ApiError, ValueError) as error:
        await maker.undo()
        hypervisor.machines.remove(vmid)
        words = error.message if isinstance(error, ApiError) else str(error)
        raise ApiError(f"unable to create VM {vmid} - {words.strip()}") from error
    except BaseException:
        await maker.undo()
        hypervisor.machines.remove(vmid)
        raise


async def _make_config(call: Call, task: Task, prepared: dict[str, str | None], maker: DriveMaker) -> Config:
    release = call.hypervisor.release
    _refuse_two_cloudinit_drives(prepared)
    made: dict[str, str | None] = {key: value for key, value in prepared.items() if not is_drive(key)}
    for slot in DRIVE_SLOTS:
        if (text := prepared.get(slot)) is not None and (drive := parse_drive(slot, text, release)) is not None:
            made[slot] = await maker.make(drive)
    pin_machine(made, release, task)
    config = {key: verify_stored(key, value, release) for key, value in made.items()}
    config.setdefault("boot", default_order(config, release))
    config.setdefault("smbios1", f"uuid={uuid.uuid4()}")
    config.setdefault("vmgenid", str(uuid.uuid4()))
    config["meta"] = f"creation-qemu={CREATION_QEMU.get(release[0], CREATION_QEMU[9])},ctime={int(time.time())}"
    return config


def _refuse_two_cloudinit_drives(prepared: dict[str, str | None]) -> None:
    slots = [slot for slot in DRIVE_SLOTS if (prepared.get(slot) or "").split(",")[0].endswith(":cloudinit")]
    if len(slots) > 1:
        raise ApiError(f"{slots[0]} - cloud-init drive is already attached at '{slots[1]}'")
