"""Storages and their volumes."""

from __future__ import annotations

from typing import Any

from homeprod.lab.api import formats as f
from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.routing import Call, Route, allow
from homeprod.lab.api.schema import Prop
from homeprod.lab.machine.disks import allocate, free_volume
from homeprod.lab.machine.request import require_volume
from homeprod.lab.machine.sizes import parse_size
from homeprod.lab.spec import StorageSpec
from homeprod.lab.storage.catalog import VolumeRecord
from homeprod.lab.storage.names import parse_name, root_of, shown_path, split_volume
from homeprod.lab.task import Task

STORAGE_PATH = "/nodes/{node}/storage/{storage}"
CONTENT_PATH = f"{STORAGE_PATH}/content"


def show_storage(call: Call, storage: StorageSpec) -> dict[str, Any]:
    used = call.hypervisor.used_space(storage)
    return {
        "type": storage.kind,
        "content": ",".join(storage.content),
        "active": 1,
        "enabled": 1,
        "shared": int(storage.is_shared),
        "total": storage.size,
        "used": used,
        "avail": max(0, storage.size - used),
    }


def list_storages(call: Call) -> list[dict[str, Any]]:
    wanted = set(f.split_list(call.text("content")))
    entries = []
    for storage in call.hypervisor.storages.values():
        if not call.holds(f"/storage/{storage.name}", "Datastore.Audit", "Datastore.AllocateSpace", any_of=True):
            continue
        if (call.text("storage") not in ("", storage.name)) or (wanted and not wanted & set(storage.content)):
            continue
        entry = show_storage(call, storage)
        entries.append({"storage": storage.name, **entry, "used_fraction": entry["used"] / storage.size})
    return entries


def read_storage(call: Call) -> list[dict[str, str]]:
    call.hypervisor.storage(call.text("storage"))
    return [{"subdir": name} for name in ("content", "download-url", "status", "upload")]


def read_status(call: Call) -> dict[str, Any]:
    return show_storage(call, call.hypervisor.storage(call.text("storage")))


def list_content(call: Call) -> list[dict[str, Any]]:
    storage = call.hypervisor.storage(call.text("storage"))
    content, vmid = call.text("content"), call.params.get("vmid")
    if content and content not in storage.content:
        raise ApiError(f"storage '{storage.name}' does not support content type '{content}'", status=400)
    sees_all = call.holds(f"/storage/{storage.name}", "Datastore.Allocate")
    entries = []
    for record in sorted(call.hypervisor.catalog.list_storage(storage.name), key=lambda r: r.volume):
        name = split_volume(record.volume)[1]
        parsed = parse_name(storage, name)
        if (content and parsed.content != content) or parsed.content not in storage.content:
            continue
        # Proxmox shows another machine's images to those only who may see them; files to everyone.
        if parsed.owner is not None and vmid is not None and parsed.owner != int(vmid):
            continue
        if sees_all or _may_see(call, storage.name, record.volume):
            entries.append(_show(record, parsed.content, parsed.format))
    return entries


def _may_see(call: Call, storage: str, volume: str) -> bool:
    parsed = parse_name(call.hypervisor.storage(storage), split_volume(volume)[1])
    try:
        require_volume(call, storage, parsed, 0)
    except ApiError:
        return False
    return True


def _show(record: VolumeRecord, content: str, image_format: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "volid": record.volume,
        "content": content,
        "format": image_format,
        "size": record.size,
        "ctime": record.ctime,
    }
    if record.owner is not None:
        entry["vmid"] = record.owner
    if record.note:
        entry["notes"] = record.note
    if record.is_protected:
        entry["protected"] = 1
    return entry


def _volume_of(call: Call) -> str:
    """The volume id that the path names, with or without its storage. Raises ApiError."""
    name = call.text("volume")
    storage = call.text("storage")
    if ":" in name:
        given, rest = split_volume(name)
        if given != storage:
            raise refuse_parameters({"storage": f"storage ID does not match ({given} != {storage})"})
        name = rest
    parse_name(call.hypervisor.storage(storage), name)
    return f"{storage}:{name}"


def read_volume(call: Call) -> dict[str, Any]:
    volume = _volume_of(call)
    storage = call.hypervisor.storage(call.text("storage"))
    name = split_volume(volume)[1]
    parsed = parse_name(storage, name)
    require_volume(call, storage.name, parsed, 0)
    record = call.hypervisor.catalog.find(volume)
    if record is None:
        raise ApiError(f"volume_size_info on '{volume}' failed - no format")
    image_format = parsed.format if parsed.content in ("images", "import") else "raw"
    entry: dict[str, Any] = {
        "path": shown_path(storage, name),
        "size": record.size,
        "used": record.size,
        "format": image_format,
    }
    return {**entry, "notes": record.note} if record.note else entry


async def allocate_volume(call: Call) -> str:
    """POST content: an empty image by name. Answers its volume id."""
    storage = call.hypervisor.storage(call.text("storage"))
    vmid, filename = int(call.text("vmid")), call.text("filename")
    size = parse_size(call.text("size")) if call.text("size")[-1] in "MG" else int(call.text("size")) * 1024
    given = call.text("format")
    extension = filename.rpartition(".")[2] if filename.endswith((".raw", ".qcow2", ".vmdk")) else ""
    if given and extension and given != extension:
        raise refuse_parameters({"format": f"different storage formats ({given} != {extension})"})
    stem = filename.removesuffix(f".{extension}") if extension else filename
    name = f"{vmid}/{stem}.{extension or given or 'raw'}" if storage.kind == "dir" else stem
    parse_name(storage, name)
    volume = f"{storage.name}:{name}"
    if call.hypervisor.catalog.find(volume) is not None:
        raise ApiError(f"disk image '{shown_path(storage, name)}' already exists")
    await allocate(call.hypervisor, storage, volume, vmid, size, lambda _: None)
    return volume


def delete_volume(call: Call) -> str:
    """An ``imgdel`` task. A volume that is not there is deleted just as well."""
    hypervisor = call.hypervisor
    volume = _volume_of(call)
    storage = hypervisor.storage(call.text("storage"))
    name = split_volume(volume)[1]
    parsed = parse_name(storage, name)
    call.require(f"/storage/{storage.name}", "Datastore.Allocate")

    async def work(task: Task) -> None:
        record = hypervisor.catalog.find(volume)
        if record is None:
            task.say(f"disk image '{shown_path(storage, name)}' does not exist")
        elif record.is_protected:
            raise ApiError("can't remove protected archive")
        else:
            await free_volume(hypervisor, volume)
        task.say(f"Removed volume '{volume}'")

    task_id = f"{parsed.owner}@{storage.name}" if parsed.owner is not None else storage.name
    return hypervisor.tasks.start(call.node, "imgdel", task_id, call.who.id, work)


def show_definition(storage: StorageSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "storage": storage.name,
        "type": storage.kind,
        "content": ",".join(storage.content),
        "shared": int(storage.is_shared),
        "digest": "0" * 40,
    }
    if storage.kind == "dir":
        return {**entry, "path": root_of(storage)}
    return {**entry, "vgname": "pve", "thinpool": "data"}


def list_definitions(call: Call) -> list[dict[str, Any]]:
    kind = call.text("type")
    return [
        show_definition(storage)
        for storage in call.hypervisor.storages.values()
        if kind in ("", storage.kind)
        and call.holds(f"/storage/{storage.name}", "Datastore.Audit", "Datastore.Allocate", any_of=True)
    ]


def read_definition(call: Call) -> dict[str, Any]:
    return show_definition(call.hypervisor.storage(call.text("storage")))


_see = allow("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace", any_of=True)
_KINDS = (
    "btrfs", "cephfs", "cifs", "dir", "esxi", "iscsi", "iscsidirect", "lvm", "lvmthin", "nfs", "pbs", "rbd", "zfs",
    "zfspool",
)  # fmt: skip
ROUTES: tuple[Route, ...] = (
    Route("GET", "/storage", list_definitions, {"type": Prop(enum=_KINDS)}),
    Route("GET", "/storage/{storage}", read_definition, allow=allow("/storage/{storage}", "Datastore.Allocate")),
    Route(
        "GET",
        "/nodes/{node}/storage",
        list_storages,
        {
            "content": Prop(form=f.each(f.storage_content)),
            "enabled": Prop("boolean"),
            "format": Prop("boolean"),
            "storage": Prop(form=f.storage_id),
            "target": Prop(form=f.node),
        },
    ),
    Route("GET", STORAGE_PATH, read_storage, allow=_see),
    Route("GET", f"{STORAGE_PATH}/status", read_status, allow=_see),
    Route(
        "GET",
        CONTENT_PATH,
        list_content,
        {
            "content": Prop(form=f.storage_content),
            "vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999),
        },
        _see,
    ),
    Route(
        "POST",
        CONTENT_PATH,
        allocate_volume,
        {
            "filename": Prop(optional=False),
            "size": Prop(pattern=r"\d+[MG]?", optional=False),
            "format": Prop(enum=("raw", "qcow2", "subvol", "vmdk"), requires="size"),
            "vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999, optional=False),
        },
        allow("/storage/{storage}", "Datastore.AllocateSpace"),
    ),
    Route("GET", f"{CONTENT_PATH}/{{volume}}", read_volume),
    Route("DELETE", f"{CONTENT_PATH}/{{volume}}", delete_volume, {"delay": Prop("integer", minimum=1, maximum=30)}),
)
