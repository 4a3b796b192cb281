"""``apply --json``: what happens, an object a line, each flushed as it happens; nothing else on stdout."""

from __future__ import annotations

from homeprod.cli import render
from homeprod.cli.schema.apply import FailedEntry, PlannedLine, StepLine, SummaryLine
from homeprod.cli.showplan import describe_change, describe_conflicts, describe_notices, describe_unknown
from homeprod.engine.apply import Outcome
from homeprod.engine.event import Event, Stage
from homeprod.engine.work import tell_time
from homeprod.plan.change import Action
from homeprod.plan.plan import Plan

_EVENTS = {
    Stage.BEGUN: "begun",
    Stage.SAID: "said",
    Stage.DONE: "done",
    Stage.FAILED: "failed",
    Stage.SKIPPED: "skipped",
    Stage.CUT_OFF: "cut_off",
    Stage.UNFINISHED: "unfinished",
}


def send_plan(plan: Plan) -> None:
    line = PlannedLine(
        time=tell_time(),
        changes=[describe_change(change) for change in plan.changes],
        conflicts=describe_conflicts(plan),
        notices=describe_notices(plan),
        unknown=[describe_unknown(unknown) for unknown in plan.unknown],
    )
    render.print_flushed(line.model_dump_json())


def send_event(event: Event) -> None:
    """An engine's listener."""
    line = StepLine.model_validate(
        {
            "event": _EVENTS[event.stage],
            "time": tell_time(),
            "address": str(event.address),
            "action": Action(event.action),
            "text": event.text,
        }
    )
    render.print_flushed(line.model_dump_json())


def send_summary(outcome: Outcome, exit_code: int) -> None:
    line = SummaryLine(
        time=tell_time(),
        done=[describe_change(change) for change in outcome.done],
        failed=[
            FailedEntry(**dict(describe_change(change)), error=str(error), hint=error.hint)
            for change, error in outcome.failed
        ],
        skipped=[describe_change(change) for change in outcome.skipped],
        cut_off=[describe_change(change) for change in outcome.cut_off],
        left=[describe_change(change) for change in outcome.left],
        unfinished={str(address): why for address, why in outcome.unfinished.items()},
        exit_code=exit_code,
    )
    render.print_flushed(line.model_dump_json())
