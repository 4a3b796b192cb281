"""Take a machine away: shut it down, let go of the disks that are not its own, destroy it.

No disk of a data VM is ever at stake here: what belongs to another machine is detached, and proven to be, before the
destroying call, which in Proxmox frees volumes of the destroyed machine alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from homeprod.core.errors import NotFoundError, ProxmoxError, StalePlanError
from homeprod.engine.destroy import check_unused
from homeprod.engine.file import drop_iso
from homeprod.engine.ports import Task
from homeprod.engine.update import CHANGED, PLAN_AGAIN, write_config
from homeprod.engine.work import InterruptedWorkError, Say, Work
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.change import Change
from homeprod.plan.config import Drive
from homeprod.plan.volume import read_owner


def remove_machine(work: Work, change: Change, say: Say, *, is_replaced: bool = False) -> bool:
    """``is_replaced`` keeps what others know of the VMID, such as backup jobs. Whether it is over, as by
    ``stop_machine``: a shutdown that comes late meets whatever has the VMID then. Raises ProxmoxError, and
    StalePlanError where somebody changed the machine since it was read; what is left then, the next plan sees."""
    found = work.actual.machines[change.vmid]
    check_unchanged(work, change)
    if change.address.kind == "data-vm":
        check_unused(work.site, work.hypervisor, change)
    if found.is_protected:  # only `destroy --data` comes here with one
        write_config(work, change, {"protection": False}, say, digest=work.digest(change.vmid))
    is_over = stop_machine(work, change, found, say)
    _check_additions(change, found, detach_foreign_disks(work, change, say))
    _destroy(work, change, say, purge=not is_replaced)
    return is_over


def check_unchanged(work: Work, change: Change) -> None:
    """A plan is good for what it was made from. Raises StalePlanError."""
    try:
        digest = work.hypervisor.read_machine(change.node, change.vmid).digest
    except NotFoundError:
        digest = "gone"
    if digest != work.digest(change.vmid):
        raise StalePlanError(CHANGED, where=str(change.address), hint=PLAN_AGAIN)


def _check_additions(change: Change, found: ActualMachine, current: MachineConfig) -> None:
    """A shutdown takes its time, and a disk that somebody added meanwhile would be lost. Raises StalePlanError."""
    now = ActualMachine(found.listed, current)
    volumes = _list_volumes(now) - _list_volumes(found)
    if added := sorted(volume for volume in volumes if read_owner(volume) == change.vmid):
        words = f"was given {', '.join(added)} while it was shut down; it is off, and was not destroyed"
        raise StalePlanError(words, where=str(change.address), hint=PLAN_AGAIN)


def _list_volumes(found: ActualMachine) -> frozenset[str]:
    return found.volumes() | frozenset(found.unused().values())


def _destroy(work: Work, change: Change, say: Say, *, purge: bool) -> None:
    try:
        work.run(lambda: work.hypervisor.destroy_machine(change.node, change.vmid, purge=purge), say)
    except ProxmoxError:
        # The answer of an earlier attempt may have been lost, and the machine destroyed all the same.
        try:
            work.hypervisor.read_machine(change.node, change.vmid)
        except NotFoundError:
            _check_not_moved(work, change)
            return
        raise


def _check_not_moved(work: Work, change: Change) -> None:
    """It is not on its node: destroyed, or moved to another one by a person or HA. The list may still show it there.
    Raises StalePlanError."""
    for listed in work.hypervisor.read_resources().machines:
        if listed.vmid == change.vmid and listed.node != change.node:
            words = f"was moved to the node {listed.node} meanwhile; it was not destroyed"
            raise StalePlanError(words, where=str(change.address), hint=PLAN_AGAIN)


def drop_cd(work: Work, change: Change, say: Say) -> None:
    """Delete the ISO of a machine that was removed."""
    cd = work.actual.machines[change.vmid].config.config.get("ide2")
    if isinstance(cd, Drive):
        drop_iso(work, change.node, change.vmid, cd.volume, say)


def stop_machine(work: Work, change: Change, found: ActualMachine, say: Say, *, keeps_disks: bool = False) -> bool:
    """Shut it down and wait until it is off. A machine with a disk that outlives it, all of them where it
    ``keeps_disks``, is never stopped hard, unless a person said so; none is where Proxmox refused for another reason
    than the guest's silence.

    Whether it was asked just once: of several shutdowns, one whose answer was lost may still come."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    if hypervisor.read_status(node, vmid) == "stopped":
        return True
    limit, asked = work.manner.shutdown_limit, _Count()
    say(f"shutting down ({limit} s at most)")
    has_data = any(find_foreign_disks(found.config, vmid))
    is_spared = (has_data or keeps_disks) and not work.manner.forces_stop
    with _tell_after(work.manner.explain_after, say, _explain_wait(limit, is_spared=is_spared)):
        reason = _shut_down(work, change, limit, asked, say, is_owed=keeps_disks)
    if reason is None:
        return asked.times == 1
    if is_spared:
        why = ", and has a data disk mounted" if has_data else ""
        raise ProxmoxError(
            f"did not shut down within {limit} s{why}; it still runs, nothing was lost\n  | {reason}",
            where=str(change.address),
            hint="shut it down from inside and repeat; or repeat with --force-stop, which pulls the plug, at the risk"
            " of what it was writing",
        )
    say(f"{reason}; pulling the plug")
    times = work.run(lambda: hypervisor.stop_machine(node, vmid), say)
    if not _is_off(work, change, limit, is_owed=keeps_disks):
        raise ProxmoxError("is still running after a stop", where=str(change.address), hint="look at it in Proxmox")
    return asked.times == 1 and times == 1


def _explain_wait(limit: int, *, is_spared: bool) -> str:
    end = (
        "it is left running then, unless --force-stop says to pull the plug"
        if is_spared
        else "the plug is pulled then"
    )
    return f"its guest has not shut down yet, which one that still boots cannot: waiting up to {limit} s; {end}"


@contextmanager
def _tell_after(seconds: float, say: Say, words: str) -> Iterator[None]:
    """Once, where it takes longer than that."""
    timer = threading.Timer(seconds, say, (words,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(slots=True)
class _Count:
    times: int = 0


def _shut_down(work: Work, change: Change, limit: int, asked: _Count, say: Say, *, is_owed: bool) -> str | None:
    """Why the machine still runs; None when it is off."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid

    def ask() -> Task:
        asked.times += 1
        return hypervisor.shutdown_machine(node, vmid, timeout=limit)

    try:
        work.run(ask, say)
    except ProxmoxError as error:
        if hypervisor.read_status(node, vmid) == "stopped":
            return None
        if "quit/powerdown failed" not in error.message:  # Proxmox's words for a guest that did not go in time
            raise
        return error.message
    # Where HA manages the machine, the task has only queued the request.
    is_off = _is_off(work, change, limit, is_owed=is_owed)
    return None if is_off else "the shutdown was asked for, and it still runs"


def _is_off(work: Work, change: Change, limit: float, *, is_owed: bool) -> bool:
    """``is_owed`` where a start follows: then it is waited for even when somebody asked to stop."""
    deadline = time.monotonic() + limit
    while work.hypervisor.read_status(change.node, change.vmid) != "stopped":
        if work.is_stopping.is_set() and not is_owed:
            raise InterruptedWorkError
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(work.manner.look_every, limit))
    return True


def find_foreign_disks(config: MachineConfig, vmid: int) -> Iterator[tuple[str, Drive]]:
    """Slot and drive of each disk whose volume is not the machine's own. A CD is none."""
    for slot, value in sorted({**config.config, **config.pending}.items()):
        if isinstance(value, Drive) and not value.is_cdrom and read_owner(value.volume) != vmid:
            yield slot, value


def detach_foreign_disks(work: Work, change: Change, say: Say) -> MachineConfig:
    """The machine as it is without them. Raises StalePlanError where somebody changed it just then (and an answer
    that was lost never reaches the machine that comes after it), and ProxmoxError unless none is left."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    current = hypervisor.read_machine(node, vmid)
    slots = tuple(slot for slot, _ in find_foreign_disks(current, vmid))
    if not slots:
        return current
    say(f"detaching {', '.join(slots)}")
    write_config(work, change, {}, say, delete=slots, digest=current.digest)
    current = hypervisor.read_machine(node, vmid)
    left = [f"{slot} ({drive.volume})" for slot, drive in find_foreign_disks(current, vmid)]
    if left:
        raise ProxmoxError(
            f"still attached: {', '.join(left)}; the machine was not destroyed",
            where=str(change.address),
            hint="detach it by hand in Proxmox, then repeat",
        )
    return current
