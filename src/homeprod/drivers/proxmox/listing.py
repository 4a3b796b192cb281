"""Proxmox's lists as typed values: cluster resources, storage contents, permissions, version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from homeprod.core.errors import ProxmoxError
from homeprod.drivers.proxmox.forms.form import FormError
from homeprod.drivers.proxmox.forms.tag import parse_tags
from homeprod.drivers.proxmox.forms.upid import parse_upid
from homeprod.engine.ports import ActiveTask, Task
from homeprod.plan.actual import (
    ListedMachine,
    ListedNode,
    ListedStorage,
    Resources,
    Version,
    Volume,
)
from homeprod.plan.volume import read_owner

Item = Mapping[str, Any]
OLDEST = (8, 4)
NEWEST_MAJOR = 9


def decode_version(answer: Item) -> Version:
    """``/version``: ``release`` is ``9.2`` (``9.2.3`` in ``version``)."""
    text = str(answer.get("version") or answer.get("release") or "")
    parts = str(answer.get("release") or text).split(".")
    try:
        return Version((int(parts[0]), int(parts[1])), text)
    except (ValueError, IndexError) as error:
        raise ProxmoxError(
            f"unknown form of version: {text!r}",
            hint="check host and port of the endpoint; `pveversion` on the node shows what it is",
        ) from error


def check_version(version: Version) -> None:
    """Raises ProxmoxError unless it is 8.4 or a 9."""
    if version.release < OLDEST:
        raise ProxmoxError(
            f"Proxmox VE {version.text} is too old: homeprod needs 8.4 or 9.x",
            hint="upgrade the cluster first: https://pve.proxmox.com/wiki/Upgrade_from_8_to_9",
        )
    if version.release[0] > NEWEST_MAJOR:
        raise ProxmoxError(
            f"Proxmox VE {version.text} is newer than homeprod knows: it was proven with 8.4 and 9.x",
            hint="upgrade homeprod",
        )


def decode_resources(items: Iterable[Item]) -> Resources:
    """``/cluster/resources``; kinds that are not ours (pools, SDN zones) are left out."""
    machines, storages, nodes = [], [], []
    for item in items:
        match item.get("type"):
            case "qemu" | "lxc":
                machines.append(_decode_machine(item))
            case "storage":
                storages.append(_decode_storage(item))
            case "node":
                node = str(item["node"])
                nodes.append(ListedNode(node, item.get("status") == "online", int(item.get("maxmem") or 0)))
    return Resources(tuple(machines), tuple(storages), tuple(nodes))


def _decode_machine(item: Item) -> ListedMachine:
    return ListedMachine(
        vmid=int(item["vmid"]),
        node=str(item["node"]),
        name=str(item.get("name") or ""),
        status=str(item.get("status") or "unknown"),
        tags=parse_tags(str(item.get("tags") or "")),
        lock=item.get("lock"),
        is_template=_is_set(item.get("template")),
        is_container=item["type"] == "lxc",
        is_managed=bool(item.get("hastate")),
        memory=int(item.get("maxmem") or 0),
    )


def _decode_storage(item: Item) -> ListedStorage:
    return ListedStorage(
        name=str(item["storage"]),
        node=str(item["node"]),
        kind=str(item.get("plugintype") or ""),
        content=parse_tags(str(item.get("content") or "")),  # the same kind of list as tags
        is_shared=_is_set(item.get("shared")),
        is_available=item.get("status") == "available",
        used=int(item.get("disk") or 0),
        total=int(item.get("maxdisk") or 0),
    )


def decode_content(items: Iterable[Item]) -> tuple[Volume, ...]:
    """A storage's content list. The owner is the one Proxmox gives, else the one in the volume's name."""
    return tuple(_decode_volume(item) for item in items)


def decode_backups(items: Iterable[Item]) -> dict[int, int]:
    """By VMID, when the newest one was made (``ctime``); one of which neither is told does not count."""
    newest: dict[int, int] = {}
    for item in items:
        owner = item.get("vmid") or read_owner(str(item["volid"]))
        if owner is not None and item.get("ctime") is not None:
            newest[int(owner)] = max(int(item["ctime"]), newest.get(int(owner), 0))
    return newest


def _decode_volume(item: Item) -> Volume:
    volume = str(item["volid"])
    owner = item.get("vmid")
    return Volume(
        id=volume,
        content=str(item.get("content") or ""),
        size=int(item.get("size") or 0),
        owner=int(owner) if owner is not None else read_owner(volume),
        note=str(item.get("notes") or ""),
    )


def _is_set(value: Any) -> bool:
    return value in (1, "1", True)


def decode_pools(answer: Iterable[Item]) -> dict[str, str]:
    """``/pools``: a pool without a comment has no such key."""
    return {str(item["poolid"]): str(item.get("comment") or "") for item in answer}


def decode_active_tasks(answer: Iterable[Item], user: str) -> list[ActiveTask]:
    """``/nodes/N/tasks?source=active``. Proxmox's list of active tasks holds those that ended a moment ago too
    (PVE::API2::Tasks): they have an end time."""
    found = (_decode_task(str(item["upid"]), user) for item in answer if "endtime" not in item)
    return [task for task in found if task is not None]


def _decode_task(text: str, user: str) -> ActiveTask | None:
    """None for a task of a form that none of ours has."""
    try:
        upid = parse_upid(text)
    except FormError:
        return None
    return ActiveTask(Task(text, upid.node), upid.kind, upid.id, upid.user == user)
