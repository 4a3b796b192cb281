"""Draws the table of states: as text, as mermaid and as SVG (light and dark, no font from outside); no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from homeprod.control.state import MOVES, NodeState

WIDTH, HEIGHT, GAP, LEFT, TOP = 120, 48, 90, 30, 84
"""Of a box, between two, and where the first one is; in the picture's own units."""
DEPTH = 46
"""How much lower an arc runs for each box that it goes back over."""
STYLE = """\
    svg { --ink: #1f2328; --soft: #59636e; --box: #eef4ff; --paper: #ffffff }
    @media (prefers-color-scheme: dark) {
      svg { --ink: #e6edf3; --soft: #9198a1; --box: #1c2a3f; --paper: #0d1117 }
    }
    .paper { fill: var(--paper) } .box { fill: var(--box); stroke: var(--soft); stroke-width: 1.3 }
    .way { fill: none; stroke: var(--soft); stroke-width: 1.4; marker-end: url(#tip) } .tip { fill: var(--soft) }
    text { fill: var(--soft); text-anchor: middle; font: 12px system-ui, sans-serif }
    .state { fill: var(--ink); font-size: 14px; font-weight: 600 }
    .halo { stroke: var(--paper); stroke-width: 5; paint-order: stroke }"""
TIP = """\
  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
    <path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>"""


def list_ways() -> list[tuple[NodeState, NodeState, str]]:
    """(from, to, events) for each arrow: events that lead the same way share one."""
    order = list(NodeState)
    moves = sorted((order.index(before), order.index(after), event.value) for (before, event), after in MOVES.items())
    return [
        (order[before], order[after], ", ".join(event for _, _, event in group))
        for (before, after), group in groupby(moves, key=lambda one: one[:2])
    ]


def draw_text() -> str:
    """An arrow a line."""
    return "\n".join(f"{before.value:<9} --{events}--> {after.value}" for before, after, events in list_ways())


def draw_mermaid() -> str:
    """A ``stateDiagram-v2`` of mermaid, without the fence around it."""
    ways = (f"    {before.value} --> {after.value}: {events}" for before, after, events in list_ways())
    return "\n".join(["stateDiagram-v2", "    direction LR", f"    [*] --> {NodeState.UNCREATED.value}", *ways])


def draw_svg() -> str:
    """States in a row: the way on straight, ways back below, what stays where it is above."""
    states = list(NodeState)
    width = LEFT * 2 + len(states) * WIDTH + (len(states) - 1) * GAP
    height = TOP + HEIGHT + DEPTH * len(states)
    said = "; ".join(f"{before.value} to {after.value} by {events}" for before, after, events in list_ways())
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">',
        '  <title id="t">The states of a control node</title>',
        f'  <desc id="d">{said}</desc>',
        f"  <style>\n{STYLE}\n  </style>",
        TIP,
        f'  <rect class="paper" width="{width}" height="{height}" rx="10"/>',
        *(line for state in states for line in _draw_box(state)),
        *(line for way in list_ways() for line in _draw_way(*way)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _find_left(state: NodeState) -> int:
    return LEFT + list(NodeState).index(state) * (WIDTH + GAP)


def _draw_box(state: NodeState) -> Iterator[str]:
    left = _find_left(state)
    yield f'  <rect class="box" x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    yield f'  <text class="state" x="{left + WIDTH // 2}" y="{TOP + HEIGHT // 2 + 5}">{state.value}</text>'


def _draw_way(before: NodeState, after: NodeState, events: str) -> Iterator[str]:
    start, end = _find_left(before), _find_left(after)
    bottom, middle = TOP + HEIGHT, (start + end + WIDTH) // 2
    if before is after:
        x, y = start + WIDTH // 2, TOP - 40
        yield f'  <path class="way" d="M{x - 18} {TOP} C{x - 30} {y} {x + 30} {y} {x + 18} {TOP - 1}"/>'
        yield _label(events, x, TOP - 36)
    elif end > start:
        y = TOP + HEIGHT // 2
        yield f'  <path class="way" d="M{start + WIDTH} {y}H{end - 2}"/>'
        yield _label(events, middle, y - 8)
    else:
        boxes = (start - end) // (WIDTH + GAP)
        low = bottom + DEPTH * boxes
        # Arcs at the same box are set apart, the longer outside the shorter, so that none crosses another.
        leave, reach = start + WIDTH // 2 + 14 * (boxes - 2), end + WIDTH // 2 - 14 * (boxes - 2)
        line = f"M{leave} {bottom}V{low - 12}q0 12-12 12H{reach + 12}q-12 0-12-12V{bottom + 2}"
        yield f'  <path class="way" d="{line}"/>'
        yield _label(events, (leave + reach) // 2, low + 4)


def _label(events: str, x: int, y: int) -> str:
    return f'  <text class="halo" x="{x}" y="{y}">{events}</text>'
