"""Whether a storage is there, takes what the site puts on it, and has room."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from homeprod.core.sizes import GiB
from homeprod.engine.doctor.finding import Finding, Verdict, find_ill, find_well
from homeprod.engine.doctor.patient import Lack
from homeprod.plan.actual import ListedStorage, Resources
from homeprod.plan.conflict.obstacle import FULL
from homeprod.plan.needs import SiteNeeds

BLOCK_KINDS = frozenset({"lvm", "lvmthin", "zfspool", "zfs", "rbd", "iscsi", "iscsidirect"})
"""Plugins that hold disks and no files (pve-storage, each plugin's ``plugindata``)."""


def examine_storage(
    node: str, storage: str, needs: SiteNeeds, resources: Resources, lacks: Sequence[Lack]
) -> Finding:
    check = f"storage {storage} on {node}"
    there = {found.name: found for found in resources.storages if found.node == node}
    found = there.get(storage)
    if found is None:
        return _examine_missing(check, storage, there, resources, lacks)
    if not found.is_available:
        hint = f"it may be disabled, or its disk or server away; see on {node}:\n\n  pvesm status"
        return find_ill(check, "is not available", hint)
    missing = needs.content[node, storage] - found.content
    if missing:
        return _examine_content(check, found, missing)
    return _examine_room(check, found, needs, resources)


def _examine_missing(
    check: str, storage: str, there: Collection[str], resources: Resources, lacks: Sequence[Lack]
) -> Finding:
    # A token without Datastore.Audit does not see a storage at all.
    if any(lack.path == f"/storage/{storage}" and "Datastore.Audit" in lack.privileges for lack in lacks):
        return Finding(check, Verdict.SKIP, "cannot be seen with this token")
    elsewhere = sorted(found.node for found in resources.storages if found.name == storage)
    if elsewhere:
        hint = f"let this node use it too: Datacenter → Storage → {storage} → Edit → Nodes"
        return find_ill(check, f"is not on this node, but on {', '.join(elsewhere)}", hint)
    names = ", ".join(sorted(there)) or "none that this token may see"
    hint = "correct the name in the site, or make it: Datacenter → Storage → Add"
    return find_ill(check, f"there is no such storage; there are: {names}", hint)


def _examine_content(check: str, found: ListedStorage, missing: frozenset[str]) -> Finding:
    message = f"does not take {', '.join(sorted(missing))}; it takes {', '.join(sorted(found.content)) or 'nothing'}"
    if found.kind in BLOCK_KINDS and missing - {"images"}:
        hint = f"one of kind {found.kind} holds disks only: name one that holds files, such as `local`, in the site"
        return find_ill(check, message, hint)
    content = ",".join(sorted(found.content | missing))
    hint = (
        f"enable it in Datacenter → Storage → {found.name} → Edit → Content, or on a node:"
        f"\n\n  pvesm set {found.name} --content {content}"
    )
    return find_ill(check, message, hint)


def _examine_room(check: str, found: ListedStorage, needs: SiteNeeds, resources: Resources) -> Finding:
    kinds = ", ".join(sorted(needs.content[found.node, found.name]))
    if not found.total:  # a storage that does not say how large it is
        return find_well(check, f"takes {kinds}")
    free = found.total - found.used
    if free < FULL:
        message = f"is full: {_gib(found.used)} of {_gib(found.total)} are used"
        return find_ill(check, message, "free some space on it, or name another one in the site")
    there = {machine.vmid for machine in resources.machines}
    sizes = needs.disks.get((found.node, found.name), {})
    wanted = sum(size for vmid, size in sizes.items() if vmid not in there)
    if wanted > free:
        message = f"has {_gib(free)} free; the disks still to be made can grow to {_gib(wanted)}"
        hint = "thin disks begin small, so this may go well for a while; make room before it does not"
        return Finding(check, Verdict.WARN, message, hint)
    return find_well(check, f"takes {kinds}; {_gib(free)} free")


def _gib(size: int) -> str:
    return f"{size / GiB:.1f} GiB" if size < 10 * GiB else f"{size // GiB} GiB"
