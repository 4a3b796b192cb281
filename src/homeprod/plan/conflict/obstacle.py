"""Obstacles: what would make an apply fail half-way, found before its first write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homeprod.core.address import Address
from homeprod.core.sizes import MiB, format_size
from homeprod.plan.actual import Actual, ListedStorage
from homeprod.plan.change import Action, Change
from homeprod.plan.config import NewDrive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Conflict
from homeprod.site.site import Site

FULL = 64 * MiB
"""Less room than this is none: an image does not fit."""
_PURPOSE = {"images": "disks", "import": "images to make disks from", "iso": "cloud-init's CDs"}


def find_obstacles(
    site: Site, actual: Actual, changes: Sequence[Change], desired: Mapping[Address, DesiredMachine]
) -> Iterator[Conflict]:
    """Nodes and storages that are not there, are off, are full, or do not take what is to be put there. Each is
    reported once, at the first machine that needs it."""
    seen: set[tuple[str, ...]] = set()
    for change in changes:
        if change.action not in (Action.CREATE, Action.REPLACE, Action.UPDATE) or change.address not in desired:
            continue
        machine, is_update = desired[change.address], change.action is Action.UPDATE
        # A replacement is made where the site wants it, wherever the old one is.
        node = change.node if is_update else machine.node
        problem = None if is_update else _find_node_problem(actual, node)
        if problem:
            if (node,) not in seen:
                yield Conflict(change.address, *problem)
            seen.add((node,))
            continue
        for storage, content in _list_update_needs(site, change) if is_update else _list_needs(site, machine):
            found = _find_storage_problem(actual, node, storage, content)
            if found and (node, storage, content) not in seen:
                yield Conflict(change.address, *found)
            seen.add((node, storage, content))


def _list_needs(site: Site, machine: DesiredMachine) -> Iterator[tuple[str, str]]:
    """Storage and content type."""
    for disk in machine.disks.values():
        yield disk.storage, "images"
        if disk.import_from is not None:
            yield disk.import_from.partition(":")[0], "import"
    if machine.address.kind == "vm":
        yield site.config.iso.name, "iso"


def _list_update_needs(site: Site, change: Change) -> Iterator[tuple[str, str]]:
    """Of the disks that it adds, and of a new CD."""
    for difference in change.differences:
        if isinstance(new := difference.new, NewDrive):
            yield new.storage, "images"
            if new.import_from is not None:
                yield new.import_from.partition(":")[0], "import"
        elif difference.attribute in ("cloud-init", "ide2"):
            yield site.config.iso.name, "iso"


def _find_node_problem(actual: Actual, name: str) -> tuple[str, str] | None:
    node = next((node for node in actual.resources.nodes if node.name == name), None)
    if node is None:
        known = ", ".join(sorted(node.name for node in actual.resources.nodes)) or "none that this token sees"
        return f"the cluster has no node {name}", f"nodes there are: {known}; set `node` of the Cluster or machine"
    if not node.is_online:
        return f"the node {name} is not online", "start it, or place the machine on another node"
    return None


def _find_storage_problem(actual: Actual, node: str, name: str, content: str) -> tuple[str, str] | None:
    here = [storage for storage in actual.resources.storages if storage.node == node]
    storage = next((storage for storage in here if storage.name == name), None)
    if storage is None:
        known = ", ".join(sorted(storage.name for storage in here)) or "none that this token sees"
        return f"the node {node} has no storage {name}", f"storages there are: {known}; see the site's Datastore"
    if not storage.is_available:
        return (
            f"the storage {name} on {node} is not available",
            "see its state in Proxmox: Node → Disks, or pvesm status",
        )
    if content not in storage.content:
        types = ",".join(sorted({*storage.content, content}))
        return (
            f"the storage {name} does not take content {content}, which {_PURPOSE[content]} are",
            f"choose another datastore, or allow it, on a node:\n\n  pvesm set {name} --content {types}",
        )
    return _find_lack(storage)


def _find_lack(storage: ListedStorage) -> tuple[str, str] | None:
    """Disks are thin on most kinds of storage, so that only a storage with nothing left is known to be too small."""
    if storage.total and storage.total - storage.used < FULL:
        return (
            f"the storage {storage.name} on {storage.node} is full ({format_size(storage.total)})",
            "free some space there, or choose another datastore",
        )
    return None
