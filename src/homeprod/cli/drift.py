"""``homeprod drift``: what is not as the playbook says, task by task, since when, and what comes of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.cli.schema.drift import DriftReport, HostEntry, TaskEntry

DIFFERS, UNKNOWN = 2, 3
_MOST_LINES = 12
"""Of a difference, where no host was named."""
_COLOURS = {"+": "green", "-": "red"}


def run(options: argparse.Namespace) -> int:
    """Exits 2 where something differs, 3 where nothing is known to, and a host was not looked at or is late."""
    with open_line(options, past_host=options.host) as (_, door):
        path = f"/api/drift/{quote(options.host, safe='')}" if options.host else "/api/drift"
        report = read_report(door.get(path))
    if options.json:
        render.print_json(report.model_dump(mode="json"))
    else:
        _show(report, is_whole=bool(options.host))
    return judge(report)


def judge(report: DriftReport) -> int:
    if any(one.drift or one.tasks for one in report.hosts):
        return DIFFERS
    is_unknown = any(one.policy and (one.drift is None or one.late or one.problem) for one in report.hosts)
    return UNKNOWN if is_unknown else 0


def read_report(told: dict[str, Any]) -> DriftReport:
    """A node of a later homeprod may tell more."""
    return DriftReport(hosts=[_read_host(one) for one in told["hosts"]])


def _read_host(told: dict[str, Any]) -> HostEntry:
    known = {name: told[name] for name in HostEntry.model_fields if name != "tasks"}
    tasks = [TaskEntry(**{name: one[name] for name in TaskEntry.model_fields}) for one in told["tasks"]]
    return HostEntry(**known, tasks=tasks)


def _show(report: DriftReport, *, is_whole: bool) -> None:
    if not report.hosts:
        render.print_line("the node knows no host yet: it is told of each by `homeprod apply`")
        return
    render.print_table(("host", "drift", "checked", "next check"), [_describe(one) for one in report.hosts])
    for one in report.hosts:
        for line in _list_lines(one, None if is_whole else _MOST_LINES):
            render.print_line(line)


def _describe(one: HostEntry) -> dict[str, object]:
    return {
        "host": one.host,
        "drift": tell_drift(one.drift, one.drift_since, one.late) if one.policy else "nobody looks",
        "checked": tell_time(one.checked),
        "next check": tell_time(one.next_check),
    }


def tell_drift(drift: int | None, since: float | None, late: float | None) -> str:
    """In a few words, for a list."""
    words = "not looked at yet" if drift is None else f"{drift} {_count_tasks(drift)} since {tell_time(since)}"
    words = "none" if drift == 0 else words
    if late is None:
        return words
    return f"late since {tell_time(late)}" + ("" if not drift else f"; before: {words}")


def _count_tasks(number: int) -> str:
    return "task" if number == 1 else "tasks"


def _list_lines(one: HostEntry, most: int | None) -> Iterator[str]:
    if one.problem:
        yield f"\n{one.host}: {'not reached' if one.late else 'not asked to the end'}: {plain(one.problem)}"
    if not one.tasks:
        return
    yield f"\n{one.host}:"
    for task in one.tasks:
        yield from _list_task(task, most)
    if one.drift is not None and one.drift > len(one.tasks):
        yield f"  and {one.drift - len(one.tasks)} more"
    if one.next:
        when = f" ({tell_time(one.next_at)})" if one.next_at is not None else ""
        yield f"  {one.next}{when}"


def _list_task(task: TaskEntry, most: int | None) -> Iterator[str]:
    name = f"{task.role} : {task.task}" if task.role else task.task
    about = f"  {plain(task.target)}" if task.target else ""
    mark = "" if task.is_idempotent else "  (not idempotent)"
    yield f"  {render.paint('~', 'yellow')} {plain(name)}{about}  since {tell_time(task.since)}{mark}"
    lines = task.diff.splitlines()
    for line in lines[:most]:
        yield f"      {_paint(plain(line))}"
    if most is not None and len(lines) > most:
        yield f"      … {len(lines) - most} lines more"


def _paint(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return render.paint(line, colour) if colour else line


def plain(text: str) -> str:
    """What a host's file holds must not speak to this terminal."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "�" for letter in text)


def tell_time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M UTC")
