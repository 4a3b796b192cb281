"""Cold start one machine: shut it down, start it again, see its guest agent answer.

Before the shutdown it is given a tag, which goes after the start. So where an apply is cut short between the two, the
next plan sees a machine that is owed a start, and not one that a person stopped.
"""

from __future__ import annotations

import time
from dataclasses import replace

from homeprod.core.errors import StalePlanError, TransientError
from homeprod.engine.finish import start_machine
from homeprod.engine.growth import grow_any_disk, note_sizes
from homeprod.engine.removal import stop_machine
from homeprod.engine.update import PLAN_AGAIN, check_same, remove_tag, write_config
from homeprod.engine.work import InterruptedWorkError, Say, Work
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.change import Change
from homeprod.plan.config import Drive
from homeprod.plan.mark import COLD_TAG

STOPPED = "somebody stopped it meanwhile; it is left so, and what waited is in force at its start"


def cold_start(work: Work, change: Change, say: Say) -> str:
    """Why its guest was not seen again, or nothing. A machine that somebody stopped meanwhile is left so.

    The tag stays where a shutdown may still come late: the guest did not go in time, or an answer was lost. On a
    machine that runs the next apply takes it away. Raises StalePlanError where more waits than was agreed upon, and
    ProxmoxError; what did not shut down runs on.
    """
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    if hypervisor.read_status(node, vmid) == "stopped":
        say(STOPPED)
        return ""
    current = hypervisor.read_machine(node, vmid)
    check_same(work, change, current)
    _check_waiting(change, current)
    if not current.pending and not _list_sizes(change):
        say("somebody started it cold meanwhile; what waited is in force")
        return ""
    _write_tag(work, change, current, say)
    if hypervisor.read_status(node, vmid) == "stopped":  # the tag may have waited for its turn
        say(STOPPED)
        remove_tag(work, change, COLD_TAG, say, is_owed=True)
        return ""
    found = replace(work.actual.machines[vmid], config=current)
    was_asked_once = stop_machine(work, change, found, say, keeps_disks=True)
    try:
        _note_sizes(work, change, say)
    finally:  # whatever fails there, it was shut down and is started again
        reason = end_cold_start(work, change, say, is_over=was_asked_once)
    for slot, disk in work.desired[change.address].disks.items():
        if slot in change.waits:
            grow_any_disk(work, change, slot, disk.size, say)
    return reason


def end_cold_start(work: Work, change: Change, say: Say, *, is_over: bool = True) -> str:
    """Start it: of all that an apply does this is what it owes even when it was asked to stop. Then as above."""
    start_machine(work, change, say, is_owed=True)
    if is_over:
        remove_tag(work, change, COLD_TAG, say, is_owed=True)
    return wait_for_agent(work, change, say) if work.manner.waits else ""


def is_owed_a_start(work: Work, change: Change) -> bool:
    found: ActualMachine | None = work.actual.machines.get(change.vmid)
    return found is not None and found.is_owed_a_start


def _check_waiting(change: Change, current: MachineConfig) -> None:
    if more := sorted(set(current.pending) - set(change.waits)):
        words = f"{', '.join(more)} would come into force too, which the plan did not say; it was left running"
        raise StalePlanError(words, where=str(change.address), hint=PLAN_AGAIN)


def _write_tag(work: Work, change: Change, current: MachineConfig, say: Say) -> None:
    tags = current.config.get("tags", frozenset())
    if isinstance(tags, frozenset):
        write_config(work, change, {"tags": tags | {COLD_TAG}}, say, digest=current.digest)


def _list_sizes(change: Change) -> list[str]:
    """Slots of disks whose new size it has not seen."""
    return [slot for slot, _, what in (name.partition(" ") for name in change.waits) if what == "size"]


def _note_sizes(work: Work, change: Change, say: Say) -> None:
    """A data disk that grew through its owner: the same volume set again has Proxmox note its size, so that the next
    plan knows that the machine sees it."""
    slots = _list_sizes(change)
    config = work.hypervisor.read_machine(change.node, change.vmid).config if slots else {}
    drives = {slot: drive for slot in slots if isinstance(drive := config.get(slot), Drive)}
    if drives:
        note_sizes(work, change, drives, say)


def wait_for_agent(work: Work, change: Change, say: Say) -> str:
    """Until the guest agent answers, or for ``wait_limit`` seconds; why it does not, or nothing."""
    deadline = time.monotonic() + work.manner.wait_limit
    say("waiting for its guest agent")
    while not _answers(work, change):
        if work.is_stopping.is_set():
            raise InterruptedWorkError
        if time.monotonic() >= deadline:
            limit = f"{work.manner.wait_limit:g} s"
            return f"was started again, and its guest agent has not answered within {limit}: look at its console"
        time.sleep(min(work.manner.look_every, max(0.0, deadline - time.monotonic())))
    return ""


def _answers(work: Work, change: Change) -> bool:
    try:
        return work.hypervisor.ping_agent(change.node, change.vmid)
    except TransientError:
        return False  # asked again at the next look
