"""The states of a control node, drawn from the table that the node itself goes by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from homeprod.control.state import MOVES, NodeState
from homeprod.diagram.scene import Scene, Text

TITLE = "The states of a control node"
WIDTH, HEIGHT, GAP, MARGIN = 110.0, 46.0, 88.0, 18.0
"""Of a box, between two, and around the picture."""
LANE = 58.0
"""How much further out a way back runs for each box that it goes back over."""
LOOP = 34.0


def list_moves() -> Iterator[tuple[NodeState, NodeState, list[str]]]:
    """(from, to, events) for each arrow: events that lead the same way share one."""
    order = list(NodeState)
    moves = sorted((order.index(before), order.index(after), event.value) for (before, event), after in MOVES.items())
    for (before, after), group in groupby(moves, key=lambda one: one[:2]):
        yield order[before], order[after], [event for _, _, event in group]


def list_ways() -> list[tuple[NodeState, NodeState, str]]:
    """The same with the events as words."""
    return [(before, after, ", ".join(events)) for before, after, events in list_moves()]


def draw_text() -> str:
    """An arrow a line."""
    return "\n".join(f"{before.value:<9} --{events}--> {after.value}" for before, after, events in list_ways())


def draw_mermaid() -> str:
    """A ``stateDiagram-v2`` of mermaid, without the fence around it."""
    ways = (f"    {before.value} --> {after.value}: {events}" for before, after, events in list_ways())
    return "\n".join(["stateDiagram-v2", "    direction LR", f"    [*] --> {NodeState.UNCREATED.value}", *ways])


def lay_states(columns: int = 2) -> Scene:
    """States in a row, or with one column in one: the way on straight, ways back on one side, what stays where it is
    on the other."""
    said = "; ".join(f"{before.value} to {after.value} by {events}" for before, after, events in list_ways())
    count = len(NodeState)
    if columns == 1:
        scene = Scene(TITLE, said, MARGIN + LOOP + 26 + WIDTH + LANE * (count - 1) + 44)
        scene.height = 2 * MARGIN + count * HEIGHT + (count - 1) * 56
    else:
        scene = Scene(TITLE, said, 2 * MARGIN + count * WIDTH + (count - 1) * GAP)
        scene.height = 2 * MARGIN + LOOP + 20 + HEIGHT + 40 * (count - 1) + 6
    for number, state in enumerate(NodeState):
        x, y = _place(number, columns)
        box = scene.add_box(x, y, WIDTH, HEIGHT, "green" if state is NodeState.READY else "plain")
        scene.texts.append(Text(box.middle[0], box.middle[1] + 5, state.value, "title", "middle"))
    for before, after, events in list_ways():
        lay = _lay_upright if columns == 1 else _lay_level
        lay(scene, list(NodeState).index(before), list(NodeState).index(after), events)
    return scene


def _place(number: int, columns: int) -> tuple[float, float]:
    if columns == 1:
        return MARGIN + LOOP + 26, MARGIN + number * (HEIGHT + 56)
    return MARGIN + number * (WIDTH + GAP), MARGIN + LOOP + 20


def _lay_level(scene: Scene, start: int, end: int, events: str) -> None:
    (x, y), (goal, _) = _place(start, 2), _place(end, 2)
    middle = (x + goal + WIDTH) / 2
    if start == end:
        points = ((middle - 18, y), (middle - 18, y - LOOP), (middle + 18, y - LOOP), (middle + 18, y))
        scene.add_way("move", *points)
        scene.add_label(middle, y - LOOP - 7, events, "middle")
    elif end > start:
        level = y + HEIGHT / 2
        scene.add_way("move", (x + WIDTH, level), (goal, level))
        scene.add_label(middle - 3, level - 8, events, "middle")
    else:
        # Arcs at the same box are set apart, the longer outside the shorter, so that none crosses another.
        low = y + HEIGHT + 40 * (start - end)
        leave, reach = x + WIDTH / 2 + 18 * (start - end - 2), goal + WIDTH / 2 - 18 * (start - end - 2)
        scene.add_way("move", (leave, y + HEIGHT), (leave, low), (reach, low), (reach, y + HEIGHT))
        scene.add_label((leave + reach) / 2, low - 7, events, "middle")


def _lay_upright(scene: Scene, start: int, end: int, events: str) -> None:
    (x, y), (_, goal) = _place(start, 1), _place(end, 1)
    if start == end:
        points = ((x, y + 8), (x - LOOP + 8, y + 8), (x - LOOP + 8, y + HEIGHT - 8), (x, y + HEIGHT - 8))
        scene.add_way("move", *points)
        scene.add_label(x - LOOP + 8, y + HEIGHT / 2 + 4, events, "middle")
    elif end > start:
        middle = x + WIDTH / 2
        scene.add_way("move", (middle, y + HEIGHT), (middle, goal))
        scene.add_label(middle - 8, (y + HEIGHT + goal) / 2 + 2, events, "end")
    else:
        out = x + WIDTH + LANE * (start - end) - 10
        leave, reach = y + HEIGHT / 2 + 8 * (start - end - 2), goal + HEIGHT / 2 - 8 * (start - end - 2)
        scene.add_way("move", (x + WIDTH, leave), (out, leave), (out, reach), (x + WIDTH, reach))
        scene.add_label(out, (leave + reach) / 2 + 4, events, "middle")
