"""Growing disks, moving them between storages, and handing them to another machine."""

from __future__ import annotations

from dataclasses import replace

from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.routing import Call
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.boot import without_device
from homeprod.lab.machine.disks import find_owner, free_volume, next_image, show_formatting
from homeprod.lab.machine.drive import Drive, parse_drive, print_drive
from homeprod.lab.machine.pending import add_unused
from homeprod.lab.machine.sizes import parse_size, print_binary
from homeprod.lab.machine.store import Machine
from homeprod.lab.machine.update import check_digest, check_lock
from homeprod.lab.storage.names import parse_name, split_volume
from homeprod.lab.task import Task


def _find_drive(hypervisor: Hypervisor, machine: Machine, slot: str) -> Drive:
    text = machine.document.current.get(slot)
    drive = parse_drive(slot, text, hypervisor.release) if text is not None else None
    if drive is None:
        raise ApiError(f"disk '{slot}' does not exist")
    return drive


def resize_disk(call: Call) -> str:
    """PUT resize: every refusal but a missing machine comes as the task's status."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    if call.flag("skiplock") and not call.who.is_root:
        raise refuse_parameters({"skiplock": "Only root may use this option."})
    slot, wanted, digest, skips = call.text("disk"), call.text("size"), call.text("digest"), call.flag("skiplock")
    hypervisor.machines.read(node, vmid)

    async def work(task: Task) -> None:
        async with hypervisor.machines.lock(vmid):
            machine = hypervisor.machines.read(node, vmid)
            check_digest(machine, digest)
            if not skips:
                check_lock(machine)
            await _resize(hypervisor, machine, slot, wanted, task)

    return hypervisor.tasks.start(node, "resize", str(vmid), call.who.id, work)


async def _resize(hypervisor: Hypervisor, machine: Machine, slot: str, wanted: str, task: Task) -> None:
    drive = _find_drive(hypervisor, machine, slot)
    if drive.is_cdrom:
        raise ApiError("you can't resize a cdrom")
    record = hypervisor.catalog.find(drive.file)
    if record is None:
        raise ApiError(f"volume '{drive.file}' does not exist")
    size = parse_size(wanted.removeprefix("+")) + (record.size if wanted.startswith("+") else 0)
    if size < record.size:
        raise ApiError("shrinking disks is not supported")
    if size == record.size:
        return
    whole = -(-size // 1024) * 1024
    if is_running := hypervisor.is_running(machine.vmid):
        await hypervisor.runner.grow_disk(machine.vmid, slot, whole)
    # A living QEMU grows the file that it holds; nobody holds one in a lab that boots nothing.
    if not (is_running and hypervisor.spec.boot):
        await hypervisor.volumes.grow(drive.file, whole)
    hypervisor.catalog.change(drive.file, size=whole)
    task.say("Image resized.")
    document = machine.document.copy()
    document.current[slot] = print_drive(drive.sized(size))
    hypervisor.machines.write(machine.vmid, machine.node, document)


def move_disk(call: Call) -> str:
    """POST move_disk: to another storage or format, or (``target-vmid``) to another machine."""
    if call.text("target-vmid"):
        return _reassign_disk(call)
    if not call.text("storage"):
        words = "both 'storage' and 'target-vmid' missing, either needs to be set"
        raise refuse_parameters({"storage": words, "target-vmid": words})
    return _move_to_storage(call)


def _move_to_storage(call: Call) -> str:
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    machine = hypervisor.machines.read(node, vmid)
    call.require(f"/storage/{call.text('storage')}", "Datastore.AllocateSpace")
    check_digest(machine, call.text("digest"))
    check_lock(machine)
    drive = _find_drive(hypervisor, machine, call.text("disk"))
    if drive.is_cdrom:
        raise ApiError("you can't move a cdrom")
    target = hypervisor.storage(call.text("storage"))
    old_storage, old_name = split_volume(drive.file)
    old_format = parse_name(hypervisor.storage(old_storage), old_name).format
    new_format = call.text("format") or (old_format if target.kind == "dir" else "raw")
    if target.name == old_storage and new_format == old_format:
        raise ApiError("you can't move to the same storage with same format")
    if "images" not in target.content:
        raise refuse_parameters({"storage": f"storage '{target.name}' does not support vm images"})
    if hypervisor.is_running(vmid):
        raise ApiError("the lab moves no disk of a running machine", status=501)
    deletes = call.flag("delete")

    async def work(task: Task) -> None:
        async with hypervisor.machines.lock(vmid):
            await _copy_disk(call, drive, target.name, new_format, task, deletes=deletes)

    return hypervisor.tasks.start(node, "qmmove", str(vmid), call.who.id, work)


async def _copy_disk(call: Call, drive: Drive, target: str, new_format: str, task: Task, *, deletes: bool) -> None:
    hypervisor, vmid = call.hypervisor, call.vmid
    storage = hypervisor.storage(target)
    old_storage = split_volume(drive.file)[0]
    task.say(f"copying volume '{drive.file}' from current storage '{old_storage}' to target storage '{target}'")
    task.say(f"create full clone of drive {drive.slot} ({drive.file})")
    volume = next_image(hypervisor, storage, vmid, new_format, is_base=False)
    async with hypervisor.lock_storage(target):
        size = await hypervisor.volumes.import_from(volume, hypervisor.volumes.path(drive.file))
        hypervisor.catalog.add(volume, size, owner=vmid)
    show_formatting(storage, volume, size, task.say)
    task.say(f"allocated target volume '{volume}'")
    total = print_binary(size)
    task.say(f"transferred {total} of {total} (100.00%)")
    document = hypervisor.machines.read(call.node, vmid).document.copy()
    document.current[drive.slot] = print_drive(replace(drive, file=volume).sized(size))
    if deletes:
        task.say(f"removing source volume '{drive.file}' after successful copy")
        await free_volume(hypervisor, drive.file)
    else:
        task.say(f"adding source volume '{drive.file}' as unused disk")
        add_unused(hypervisor, vmid, document, drive)
    hypervisor.machines.write(vmid, call.node, document)


def _reassign_disk(call: Call) -> str:
    """Rename a volume to another owner: the way to adopt an existing disk into a data VM."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    target, slot = int(call.text("target-vmid")), call.text("disk")
    target_slot = call.text("target-disk", slot)
    call.require(f"/vms/{target}", "VM.Config.Disk")
    source = hypervisor.machines.read(node, vmid)
    receiver = hypervisor.machines.read(node, target)
    if vmid == target:
        words = "must be different than source VMID to move disk to another VM"
        raise refuse_parameters({"target-vmid": words})
    _check_reassign(hypervisor, source, receiver, slot, target_slot)
    digests = (call.text("digest"), call.text("target-digest"))

    async def work(task: Task) -> None:
        async with hypervisor.machines.lock(min(vmid, target)), hypervisor.machines.lock(max(vmid, target)):
            first, second = hypervisor.machines.read(node, vmid), hypervisor.machines.read(node, target)
            for machine, digest in zip((first, second), digests, strict=True):
                check_lock(machine)
                check_digest(machine, digest)
            drive = _check_reassign(hypervisor, first, second, slot, target_slot)
            task.say(f"reassign disk '{slot}' from VM '{vmid}' as '{target_slot}' to VM '{target}'")
            await _rename_disk(hypervisor, first, second, drive, target_slot, task)

    name = f"{vmid}-{slot}>{target}-{target_slot}"
    return hypervisor.tasks.start(node, "qmmove", name, call.who.id, work)


def _check_reassign(hypervisor: Hypervisor, source: Machine, receiver: Machine, slot: str, target_slot: str) -> Drive:
    if "1" in (source.document.current.get("template"), receiver.document.current.get("template")):
        raise ApiError("Can't move disks from or to template VMs")
    text = source.document.current.get(slot)
    drive = parse_drive(slot, text, hypervisor.release) if text is not None else None
    if drive is None:
        raise ApiError(f"Disk '{slot}' for VM '{source.vmid}' does not exist")
    if target_slot in receiver.document.current:
        raise ApiError(f"Target disk key '{target_slot}' is already in use for VM '{receiver.vmid}'")
    if drive.is_cdrom or not drive.is_volume:
        raise ApiError(f"Disk '{slot}' of VM '{source.vmid}' is a CD-ROM and cannot be moved")
    if hypervisor.is_running(source.vmid) and not slot.startswith("unused"):
        raise ApiError(f"Source VM must not be running to reassign disk '{slot}'")
    if find_owner(hypervisor, drive.file) != source.vmid:
        raise ApiError(f"Disk '{slot}' is not owned by VM '{source.vmid}'")
    return drive


async def _rename_disk(
    hypervisor: Hypervisor, source: Machine, receiver: Machine, drive: Drive, target_slot: str, task: Task
) -> None:
    storage_name, name = split_volume(drive.file)
    storage = hypervisor.storage(storage_name)
    image_format = parse_name(storage, name).format
    volume = next_image(hypervisor, storage, receiver.vmid, image_format, is_base=False)
    record = hypervisor.catalog.find(drive.file)
    if record is None:
        raise ApiError(f"volume '{drive.file}' does not exist")
    async with hypervisor.lock_storage(storage_name):
        new_path = hypervisor.volumes.path(volume)
        new_path.parent.mkdir(parents=True, exist_ok=True)
        hypervisor.volumes.path(drive.file).rename(new_path)
        hypervisor.catalog.add(volume, record.size, owner=receiver.vmid)
        hypervisor.catalog.remove(drive.file)
    task.say(f"removing disk '{drive.slot}' from VM '{source.vmid}' config")
    document = source.document.copy()
    if (order := without_device(document.current, drive.slot, hypervisor.release)) is not None:
        document.current["boot"] = order
    del document.current[drive.slot]
    hypervisor.machines.write(source.vmid, source.node, document)
    line = print_drive(replace(drive, slot=target_slot, file=volume).sized(record.size))
    task.say(f"update VM {receiver.vmid}: -{target_slot} {line}")
    document = receiver.document.copy()
    document.current[target_slot] = line if not target_slot.startswith("unused") else volume
    hypervisor.machines.write(receiver.vmid, receiver.node, document)
