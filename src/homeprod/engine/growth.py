"""Grow a disk; a data disk through the machine that runs with it, since only its QEMU can tell the guest.

Proxmox changes nothing of a volume that has the size already, and notes a size only at the drive that was grown
(qemu-server's ``resize_vm``). So where owner and user name one volume, the other's drive is set again to the same
volume, which has Proxmox note its size there too.
"""

from __future__ import annotations

from dataclasses import replace

from homeprod.engine.create import grow_disk
from homeprod.engine.work import Say, Work
from homeprod.plan.actual import ActualMachine
from homeprod.plan.change import Change
from homeprod.plan.config import Drive
from homeprod.plan.drives import find_by_volume
from homeprod.plan.volume import read_owner


def grow_any_disk(work: Work, change: Change, slot: str, size: int, say: Say) -> None:
    """A disk of the machine's own, or one of a data VM's that it uses, to ``size`` bytes. Raises ProxmoxError."""
    drive = _read_drive(work, change, slot)
    if drive is None or (drive.size or 0) >= size:
        return  # it waits for a cold start, or was grown by another change of this apply
    is_own, is_running = read_owner(drive.volume) == change.vmid, _runs(work, change.node, change.vmid)
    user = _find_running_user(work, change.vmid, drive.volume)
    grows = user is not None and _grow_through(work, user, drive.volume, size, say)
    if not grows and (is_own or is_running):
        grow_disk(work, change.node, change.vmid, slot, size, say)
    drive = _read_drive(work, change, slot)
    # Of a running machine it is never done: the size would be noted, and the guest not see it.
    if drive is not None and (drive.size or 0) < size and not is_running:
        note_sizes(work, change, {slot: drive}, say)


def note_sizes(work: Work, change: Change, drives: dict[str, Drive], say: Say) -> None:
    """Have Proxmox note how large these volumes are. Even when asked to stop: it may stand before a start."""
    same = {slot: replace(drive, size=None) for slot, drive in drives.items()}
    work.run(lambda: work.hypervisor.change_machine(change.node, change.vmid, same), say, is_owed=True)


def _read_drive(work: Work, change: Change, slot: str) -> Drive | None:
    drive = work.hypervisor.read_machine(change.node, change.vmid).config.get(slot)
    return drive if isinstance(drive, Drive) else None


def _find_running_user(work: Work, vmid: int, volume: str) -> ActualMachine | None:
    """Another machine of this site that runs with that volume."""
    others = (found for other, found in sorted(work.actual.machines.items()) if other != vmid)
    users = (found for found in others if find_by_volume(found.config.config, volume))
    return next((found for found in users if _runs(work, found.listed.node, found.listed.vmid)), None)


def _runs(work: Work, node: str, vmid: int) -> bool:
    """Now: a start moves no digest, and the list that the plan was made from can be seconds old besides."""
    return work.hypervisor.read_status(node, vmid) == "running"


def _grow_through(work: Work, user: ActualMachine, volume: str, size: int, say: Say) -> bool:
    """Whether that machine still has it. Its own change comes later, so the digest that it is then compared with
    moves along."""
    node, vmid = user.listed.node, user.listed.vmid
    before = work.hypervisor.read_machine(node, vmid)
    here = find_by_volume(before.config, volume)
    if here is None:
        return False
    say(f"growing it through VMID {vmid}, which runs with it")
    grow_disk(work, node, vmid, here[0], size, say)
    if before.digest == work.digest(vmid):
        work.digests[vmid] = work.hypervisor.read_machine(node, vmid).digest
    return True
