"""A walk as a person and as a machine reads it."""

from __future__ import annotations

from homeprod.cli import render
from homeprod.cli.schema.route import SightEntry, StopEntry, WalkEntry
from homeprod.network.walk.sight import Question, Sight, Stop, Verdict, Walk

_SIGNS: dict[Verdict, str] = {"as said": "ok", "differs": "fail", "not asked": "skip", "shown": "note"}
_TITLES: dict[Question, str] = {
    "dns": "the name",
    "connection": "connection",
    "certificate": "certificate",
    "proxy": "who answers",
    "answer": "answer",
}


def describe_walk(walk: Walk) -> WalkEntry:
    """For ``--json``."""
    return WalkEntry(verdict=walk.verdict, stops=[_describe_stop(stop) for stop in walk.stops])


def show_walk(walk: Walk) -> None:
    """Where the way was entered, and below it a line for each thing that was asked; at the end what to look at."""
    render.print_line("\nwalked for real:")
    for stop in walk.stops:
        render.print_line(f"\n{stop.name}{_tell_place(stop)}")
        for sight in stop.sights:
            render.print_finding(_SIGNS[sight.verdict], _tell_sight(sight), _tell_difference(sight))
    render.print_line(f"\n{_sum_up(walk)}")


def tell_walk(walk: Walk) -> str:
    """In one line, of one that has nothing otherwise."""
    statuses = sorted({stop.status for stop in walk.stops if stop.status is not None})
    if walk.verdict == "not asked":
        why = next(sight.seen for stop in walk.stops for sight in stop.sights if sight.verdict == "not asked")
        return f"nothing could be asked: {why}"
    if walk.verdict == "shown":
        return "there is nothing to compare"
    return "as the table says" + (f", status {', '.join(map(str, statuses))}" if statuses else "")


def _tell_place(stop: Stop) -> str:
    if stop.address is None:
        return ""
    if stop.port is None:
        return f" at {stop.address}"
    return f" at [{stop.address}]:{stop.port}" if ":" in stop.address else f" at {stop.address}:{stop.port}"


def _tell_sight(sight: Sight) -> str:
    title = _TITLES[sight.question]
    if sight.verdict == "differs":
        return f"{title} differs"
    return f"{title}: {'not asked: ' if sight.verdict == 'not asked' else ''}{sight.seen}"


def _tell_difference(sight: Sight) -> str:
    """Both sides, and the next step."""
    if sight.verdict != "differs":
        return ""
    lines = [f"said  {sight.said}", f"seen  {sight.seen}", *([sight.advice] if sight.advice else [])]
    return "\n".join(lines)


def _sum_up(walk: Walk) -> str:
    said, differs, unasked = (walk.count(verdict) for verdict in ("as said", "differs", "not asked"))
    found = walk.find_first()
    words = f"{said} as said, {differs} differ{'s' * (differs == 1)}, {unasked} not asked"
    return words if found is None else f"{words}; look at {found[0].name} first"


def _describe_stop(stop: Stop) -> StopEntry:
    return StopEntry(
        kind=stop.kind,
        name=stop.name,
        address=stop.address,
        port=stop.port,
        status=stop.status,
        sights=[
            SightEntry(
                question=sight.question, verdict=sight.verdict, said=sight.said, seen=sight.seen, advice=sight.advice
            )
            for sight in stop.sights
        ],
    )
