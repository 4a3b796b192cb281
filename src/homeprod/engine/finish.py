"""Finish a machine: start it, see cloud-init end through the guest agent, take its tag ``homeprod-new`` away."""

from __future__ import annotations

import time

from homeprod.cloudinit.datadisk import ERRORS_FILE
from homeprod.cloudinit.ending import RESULT_FILE, STATUS_FILE, Ending, EndingState, read_ending
from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.engine.ring import find_keeper, ring
from homeprod.engine.update import remove_tag
from homeprod.engine.work import InterruptedWorkError, Say, Work
from homeprod.plan.change import Change
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import NEW_TAG

SILENCE = 120.0
"""Seconds without an answer after which a person is told where to look."""
START_LIMIT = 120.0
"""Seconds until a start that was asked for is done; HA looks every ten."""
LATE = "runs, but an answer was lost when its predecessor was shut down, which may still come: apply again"
CAUSES = (
    "the image has no qemu-guest-agent, and the guest no network to install it",
    "the guest does not boot: look at its console",
    "it boots slowly: apply again goes on waiting",
)


def finish_machine(
    work: Work,
    change: Change,
    machine: DesiredMachine,
    say: Say,
    *,
    is_just_made: bool = False,
    is_watched: bool = False,
) -> str:
    """Why the machine is not finished, or nothing when it is. Raises ProxmoxError.

    The tag is taken away last of all, so that whatever is cut short here is gone on with by the next apply. One that
    ``is_watched`` keeps it till then, since a shutdown of its predecessor may still come.
    """
    if machine.is_started:
        start_machine(work, change, say, is_off=is_just_made)
        reason = _see_ready(work, change, say) if work.manner.waits else _name_keeper(work, change)
        if reason:
            return reason
    if is_watched:
        return LATE
    remove_tag(work, change, NEW_TAG, say)
    return ""


def _see_ready(work: Work, change: Change, say: Say) -> str:
    return wait_for_ending(work, change, say) or ring(work, change, say)


def _name_keeper(work: Work, change: Change) -> str:
    """Whoever is not waited for cannot be handed over: it has no host key yet by which it would be known."""
    keeper = find_keeper(work.site, change) if work.bell is not None else ""
    return f"is not handed to {keeper} yet, since cloud-init's end was not waited for: apply again" if keeper else ""


def start_machine(work: Work, change: Change, say: Say, *, is_owed: bool = False, is_off: bool = False) -> None:
    """Nothing happens where it runs already; one that is known to be off is not asked. ``is_owed`` as of
    :meth:`Work.run`."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    if not is_off and hypervisor.read_status(node, vmid) == "running":
        return
    try:
        work.run(lambda: hypervisor.start_machine(node, vmid), say, is_owed=is_owed)
    except ProxmoxError:
        if hypervisor.read_status(node, vmid) != "running":
            raise
        return
    _await_start(work, change, say, is_owed=is_owed)


def _await_start(work: Work, change: Change, say: Say, *, is_owed: bool) -> None:
    """Where HA keeps the machine, the task has only queued the request. Raises ProxmoxError."""
    deadline, has_said = time.monotonic() + START_LIMIT, False
    while work.hypervisor.read_status(change.node, change.vmid) != "running":
        if not has_said:
            say("the start is asked for; waiting for it")
            has_said = True
        if work.is_stopping.is_set() and not is_owed:
            raise InterruptedWorkError
        if time.monotonic() >= deadline:
            raise ProxmoxError(
                f"it was started, and does not run after {START_LIMIT:g} s",
                where=str(change.address),
                hint="either it went off again at once (see its console and its tasks in Proxmox), or HA does not "
                "start it; on a node:\n\n  ha-manager status",
            )
        time.sleep(work.manner.look_every)


def wait_for_ending(work: Work, change: Change, say: Say) -> str:
    """Watch cloud-init until it has ended, or for ``wait_limit`` seconds; why it is no good, or nothing."""
    deadline = time.monotonic() + work.manner.wait_limit
    said, ending, silent_since = "", None, time.monotonic()
    say("waiting for the guest to boot")
    while time.monotonic() < deadline:
        if work.is_stopping.is_set():
            raise InterruptedWorkError
        ending = _read(work, change)
        if ending is not None and ending.has_ended:
            return _judge(ending, say)
        stage = ending.stage if ending is not None else ""
        if ending is None and time.monotonic() - silent_since >= SILENCE:
            say("its guest agent does not answer yet; its console shows why")
            silent_since = time.monotonic()
        if stage and stage != said:
            say(f"cloud-init: {stage}")
            said = stage
        time.sleep(min(work.manner.look_every, max(0.0, deadline - time.monotonic())))
    return _explain_silence(work.manner.wait_limit, said)


def _read(work: Work, change: Change) -> Ending | None:
    """None where the agent does not answer, or knows nothing yet."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    try:
        result = hypervisor.read_guest_file(node, vmid, RESULT_FILE)
        status = hypervisor.read_guest_file(node, vmid, STATUS_FILE)
        ending = None if status is None and result is None else read_ending(status, result)
        if ending is None or not ending.errors:
            return ending
        # What cloud-init calls an exit status, the data-disk script says in words.
        return read_ending(status, result, hypervisor.read_guest_file(node, vmid, ERRORS_FILE))
    except TransientError:
        return None  # asked again at the next look


def _judge(ending: Ending, say: Say) -> str:
    for warning in ending.warnings:
        say(f"cloud-init warns: {warning}")
    if ending.state is EndingState.FAILED:
        return "cloud-init failed: " + "; ".join(ending.errors)
    say("cloud-init has ended")
    return ""


def _explain_silence(limit: float, stage: str) -> str:
    if stage:
        return f"cloud-init has not ended within {limit:g} s; it was at: {stage}"
    causes = "".join(f"\n  - {cause}" for cause in CAUSES)
    return f"the guest agent has not answered within {limit:g} s; likely causes:{causes}"
