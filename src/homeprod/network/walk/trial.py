"""An expectation, held against the way as it was walked."""

from __future__ import annotations

from homeprod.network.walk.sight import Walk
from homeprod.site.entry.entry import Expectation


def find_live_problem(one: Expectation, walk: Walk) -> str:
    """What is otherwise for real: than the table says, or, where only the service could tell, than is expected."""
    found = walk.find_first()
    if found is not None:
        stop, sight = found
        return f"{stop.name}: {sight.seen}" + (f"; the table says: {sight.said}" if sight.said else "")
    if one.status is None or walk.way.answer.end != "service":
        return ""
    others = [stop for stop in walk.stops if stop.status not in (None, one.status)]
    return f"should be answered with {one.status}: through {others[0].name} came {others[0].status}" if others else ""
