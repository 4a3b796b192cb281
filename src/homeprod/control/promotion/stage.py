"""Stage: a host's part in a roll-out, and what becomes of it. Decided from what the ledger has; nothing is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from homeprod.control.hosts.host import Host, HostState, Run, RunStatus
from homeprod.control.runs.problem import NO_ANSWER

UNKNOWN = "the control node does not know it any more"


class StageState(StrEnum):
    """``late`` is a host that is off, or waits for a person: it follows when it is back."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pair:
    """What an environment is at: revisions of the playbook repository and of the vault."""

    revision: str = ""
    vault: str = ""

    def __bool__(self) -> bool:
        return bool(self.revision and self.vault)


@dataclass(frozen=True, slots=True)
class Stage:
    """``digest`` is that of the run which is to come, ``former`` what the host stays at until then. ``run`` is the
    last one that was judged, or has begun; ``ailing`` are apps that were ill before it."""

    host: str
    digest: str
    former: Pair
    is_canary: bool = False
    state: StageState = StageState.WAITING
    run: int = 0
    ailing: frozenset[str] = frozenset()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one host as the ledger has it now. ``run`` is its last that was to set something; ``obstacle`` says why it
    cannot be run, ``is_reached`` where a check has come to its end there since it was late last. ``ailing`` are its
    apps that are ill, with how; ``lack`` is why the gate does not let it pass."""

    host: Host | None = None
    run: Run | None = None
    obstacle: str = ""
    is_reached: bool = False
    ailing: Mapping[str, str] | None = None
    lack: str = ""


class RolloutState(StrEnum):
    NONE = "none"
    GOING = "going"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Rollout:
    """``stages`` in their order. ``next`` is the host whose turn it is now; empty where none may begin."""

    stages: tuple[Stage, ...]
    state: RolloutState
    next: str = ""
    problem: str = ""


def follow(stages: Iterable[Stage], facts: Mapping[str, Facts]) -> Rollout:
    """What has become of the hosts, and who comes next: one at a time, and nobody behind one that failed."""
    known = tuple(_look(stage, facts.get(stage.host, Facts())) for stage in stages)
    if not known:
        return Rollout((), RolloutState.NONE)
    if failed := next((one for one in known if one.state is StageState.FAILED), None):
        return Rollout(known, RolloutState.STOPPED, problem=f"{failed.host}: {failed.problem}")
    if any(one.state is StageState.RUNNING or _is_busy(facts.get(one.host)) for one in known):
        return Rollout(known, RolloutState.GOING)
    for stage in known:
        told = facts.get(stage.host, Facts())
        if stage.state is StageState.WAITING and told.lack:
            return Rollout(known, RolloutState.STOPPED, problem=f"{stage.host}: {told.lack}")
        if stage.state is StageState.WAITING or (stage.state is StageState.LATE and _is_back(told)):
            return Rollout(known, RolloutState.GOING, next=stage.host)
    return Rollout(known, RolloutState.DONE)


def start(stage: Stage, run: int, facts: Facts) -> Stage:
    return replace(stage, state=StageState.RUNNING, run=run, ailing=frozenset(facts.ailing or ()), problem="")


def _look(stage: Stage, facts: Facts) -> Stage:
    if stage.state is StageState.DONE:
        return stage
    if facts.host is None:
        return _fall_behind(stage, UNKNOWN)
    if stage.state is StageState.WAITING:
        return _look_at_waiting(stage, facts, facts.host)
    is_new = facts.run is not None and facts.run.id > stage.run
    if stage.state is StageState.RUNNING or is_new:  # somebody may have rung, or said retry
        return _judge_run(stage, facts, facts.host)
    return stage


def _look_at_waiting(stage: Stage, facts: Facts, host: Host) -> Stage:
    if host.applied_digest == stage.digest and host.state is HostState.IDLE and not host.is_torn:
        return replace(stage, state=StageState.DONE)
    if facts.obstacle and host.state not in (HostState.DUE, HostState.RUNNING):
        run = facts.run.id if facts.run is not None else 0
        return _fall_behind(replace(stage, run=run), facts.obstacle)
    return stage


def _judge_run(stage: Stage, facts: Facts, host: Host) -> Stage:
    run = facts.run
    if run is None or run.id < stage.run:
        return replace(stage, state=StageState.WAITING)
    known = replace(stage, run=run.id)
    if not run.status.is_final:
        return replace(known, state=StageState.RUNNING, problem=host.problem.partition("\n")[0])
    if run.status is RunStatus.SUCCESSFUL:
        return _judge_success(known, facts, host)
    problem = (run.problem or host.problem or run.status.value).partition("\n")[0]
    if problem.startswith(NO_ANSWER):
        return _fall_behind(known, problem)
    return replace(known, state=StageState.FAILED, problem=problem)


def _judge_success(stage: Stage, facts: Facts, host: Host) -> Stage:
    if host.applied_digest != stage.digest:  # it went elsewhere: a ring before its turn, say
        return replace(stage, state=StageState.WAITING, problem="")
    ill = [f"{name} is {words}" for name, words in sorted((facts.ailing or {}).items()) if name not in stage.ailing]
    if ill:
        return replace(stage, state=StageState.FAILED, problem=f"of its apps {', '.join(ill[:3])}")
    return replace(stage, state=StageState.DONE, problem="")


def _fall_behind(stage: Stage, problem: str) -> Stage:
    """A canary is there to be looked at first: without it nobody goes."""
    state = StageState.FAILED if stage.is_canary else StageState.LATE
    return replace(stage, state=state, problem=problem)


def _is_busy(facts: Facts | None) -> bool:
    """By a run from before this roll-out, or one that somebody rang for."""
    return facts is not None and facts.host is not None and facts.host.state is HostState.RUNNING


def _is_back(facts: Facts) -> bool:
    return facts.host is not None and facts.is_reached and not facts.obstacle and not facts.lack
