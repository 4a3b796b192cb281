"""What upkeep does about a host: one function, by which it acts and by which people are told what it will do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import Host, HostState
from homeprod.control.promotion.standing import Gated
from homeprod.control.runs.problem import NO_ANSWER
from homeprod.control.settings import UpkeepSettings
from homeprod.control.upkeep.window import UnknownZoneError, Window


@dataclass(frozen=True, slots=True)
class Outlook:
    """``words`` say what comes next, and why; empty where nothing is to be done. ``at`` is when, in seconds since
    1970, None where nobody knows. ``runs_now`` where a run may begin."""

    words: str = ""
    at: float | None = None
    runs_now: bool = False


def foresee(
    host: Host,
    condition: Condition | None,
    head: str,
    upkeep: UpkeepSettings,
    now: float,
    gated: Gated | None = None,
) -> Outlook:
    """``head`` is the environment's newest believed revision; ``gated`` says more of an environment with a gate. A
    certificate that is due is renewed by the reconciler, whatever the policy: that is only told here."""
    if gated is not None and (words := _find_gate(condition, gated)):
        outlook = Outlook(words)
    else:
        outlook = _foresee_run(host, condition, host.applied_revision if gated is not None else head, upkeep, now)
    if condition is None or all(not one.is_renewal for one in condition.drift):
        return outlook
    last = f", and the last try brought nothing: {condition.renewal_problem or 'it is due again'}"
    words = f"a certificate is due, and renewed{last if condition.renewals else ''}"
    if not outlook.words:
        return Outlook(words, condition.renewal_at)
    return replace(outlook, words=f"{words}; the rest: {outlook.words}")


def _find_gate(condition: Condition | None, gated: Gated) -> str:
    """What the gate has to say of the host's next run; empty where it is upkeep's affair. Who is behind there follows
    in a roll-out, and not by upkeep; who waits for its turn is kept at what it is at."""
    needs_run = condition is not None and condition.needs_run
    if gated.is_behind or not needs_run:
        return gated.words
    return gated.obstacle


def _foresee_run(host: Host, condition: Condition | None, head: str, upkeep: UpkeepSettings, now: float) -> Outlook:
    is_behind = bool(head) and host.applied_revision != head
    needs_run = condition is not None and condition.needs_run
    if not is_behind and not needs_run:
        return Outlook()
    if upkeep.policy == "report":
        return Outlook("stays as it is: the environment's policy is to report")
    if obstacle := _find_obstacle(host, condition, head):
        return Outlook(obstacle)
    if not is_behind and condition is not None and condition.proves:
        return Outlook("a check shows first what the last run has put right")
    if not is_behind and condition is not None and condition.is_stubborn:
        return Outlook("stays as it is: not idempotent, a run has changed the same before and it differs again")
    return _wait_for_window(upkeep, now)


def _find_obstacle(host: Host, condition: Condition | None, head: str) -> str:
    """Why no run may begin, whatever the hour; empty where one may."""
    if not host.is_pinned or host.held_keys:
        return "waits for a person: its SSH host key"
    if host.state in (HostState.DUE, HostState.RUNNING):
        return "a run of it is due, or goes on"
    if not host.applied_instance and host.state is HostState.IDLE:
        return "waits to be rung for: it was never configured"
    if condition is not None and condition.late is not None:
        return "waits until it answers"
    # What did not answer, and answers a check now, may be tried again: the host is another matter than the playbook.
    was_off = host.problem.startswith(NO_ANSWER) and condition is not None and condition.checked is not None
    if host.state is HostState.FAILED and host.attempted_revision == head and not was_off:
        return f"waits for a person, or a newer revision: the last run failed; homeprod control retry {host.name}"
    return ""


def _wait_for_window(upkeep: UpkeepSettings, now: float) -> Outlook:
    if not upkeep.window:
        return Outlook("a run puts it right", now, runs_now=True)
    try:
        opening = Window.read(upkeep.window, upkeep.time_zone).find_opening(now)
    except UnknownZoneError:
        return Outlook(f"waits for a person: the control node knows no time zone {upkeep.time_zone}")
    words = f"a run puts it right in the window {upkeep.window}"
    return Outlook(words, opening, runs_now=opening <= now)
