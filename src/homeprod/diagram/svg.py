"""A scene as SVG: light and dark by the reader's own setting, no script, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from homeprod.diagram.scene import FACES, Box, Point, Scene, Text, Way

PALETTE = {
    "ink": ("#1f2328", "#e6edf3"),
    "soft": ("#59636e", "#9198a1"),
    "paper": ("#ffffff", "#0d1117"),
    "edge": ("#d1d9e0", "#3d444d"),
    "card": ("#f6f8fa", "#151b23"),
    "blue": ("#0969da", "#58a6ff"),
    "pale-blue": ("#eef5ff", "#12233d"),
    "green": ("#1a7f37", "#3fb950"),
    "pale-green": ("#eaf8ee", "#10281a"),
    "violet": ("#8250df", "#b083f0"),
    "pale-violet": ("#f6f0ff", "#231a3a"),
    "amber": ("#9a6700", "#d29922"),
    "pale-amber": ("#fff8e5", "#2b2110"),
}
"""Colours by day and by night."""
BOXES = {
    "paper": ("paper", "edge"),
    "plain": ("card", "edge"),
    "outside": ("paper", "soft"),
    "green": ("pale-green", "green"),
    "violet": ("pale-violet", "violet"),
    "blue": ("pale-blue", "blue"),
    "amber": ("pale-amber", "amber"),
    "inner": ("paper", "edge"),
    "dashed": ("paper", "soft"),
}
"""Fill and edge of each kind of box."""
WAYS = {
    "tls": "green", "proxied": "violet", "http": "amber", "lan": "blue", "make": "green", "git": "soft",
    "ring": "violet", "unlock": "blue", "ansible": "amber", "poll": "soft", "move": "soft",
}  # fmt: skip
_DASHED = {"lan", "poll"}
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
_TIP, _CORNER = 9, 8


def draw_svg(scene: Scene) -> str:
    body = [
        *(_draw_box(box) for box in scene.boxes),
        *(line for way in scene.ways for line in _draw_way(way)),
        *(_draw_text(text) for text in scene.texts),
    ]
    return frame(scene.title, scene.description, (scene.width, scene.height), list_rules(), body)


def frame(title: str, description: str, size: Point, rules: Iterable[str], body: Iterable[str]) -> str:
    """A picture with these elements: what every one of ours has around them. ``rules`` are of CSS."""
    width, height = map(_show, size)
    shape = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img" aria-labelledby="t d">',
            f'  <title id="t">{escape_words(title)}</title>',
            f'  <desc id="d">{escape_words(description)}</desc>',
            "  <style>",
            *(f"    {rule}" for rule in (*_list_colours(), *rules)),
            "  </style>",
            f'  <rect class="page" width="{width}" height="{height}" rx="10"/>',
            *(f"  {line}" for line in body),
            "</svg>\n",
        ]
    )


def _list_colours() -> Iterator[str]:
    days = "; ".join(f"--{name}: {day}" for name, (day, _) in PALETTE.items())
    nights = "; ".join(f"--{name}: {night}" for name, (_, night) in PALETTE.items())
    yield f"svg {{ {days} }}"
    yield f"@media (prefers-color-scheme: dark) {{ svg {{ {nights} }} }}"
    yield f".page {{ {colour('fill', 'paper')} }}"


def list_rules() -> Iterator[str]:
    for kind, (fill, edge) in BOXES.items():
        dash = "; stroke-dasharray: 5 4" if kind in ("dashed", "outside") else ""
        yield f".box-{kind} {{ {colour('fill', fill)}; {colour('stroke', edge)}; stroke-width: 1.3{dash} }}"
    for kind, shade in WAYS.items():
        dash = "; stroke-dasharray: 6 4" if kind in _DASHED else ""
        width = 3 if kind == "proxied" else 2
        yield f".way-{kind} {{ fill: none; {colour('stroke', shade)}; stroke-width: {width}{dash} }}"
        yield f".tip-{kind} {{ {colour('fill', shade)} }}"
    yield f"text {{ {colour('fill', 'ink')}; font-family: {_FONT} }}"
    yield f".soft, .note, .label {{ {colour('fill', 'soft')} }}"
    yield f".mark {{ {colour('fill', 'green')} }}"
    for name, face in FACES.items():
        weight = "; font-weight: 600" if face.is_bold else ""
        yield f".{name} {{ font-size: {_show(face.size)}px{weight} }}"
    yield f".label {{ {colour('stroke', 'paper')}; stroke-width: 4px; paint-order: stroke; stroke-linejoin: round }}"


def colour(name: str, kind: str) -> str:
    """Twice: as it is by day, for what reads no variables of CSS (librsvg), then as one."""
    return f"{name}: {PALETTE[kind][0]}; {name}: var(--{kind})"


def _draw_box(box: Box) -> str:
    place = f'x="{_show(box.x)}" y="{_show(box.y)}" width="{_show(box.width)}" height="{_show(box.height)}"'
    return f'<rect class="box-{box.kind}" {place} rx="8"/>'


def _draw_text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return (
        f'<text class="{text.kind}" x="{_show(text.x)}" y="{_show(text.y)}"{anchor}>{escape_words(text.words)}</text>'
    )


def _draw_way(way: Way) -> Iterator[str]:
    *before, last = way.points
    end = _go_towards(last, before[-1], _TIP - 1) if way.has_tip else last
    yield f'<path class="way-{way.kind}" d="{_round_corners([*before, end])}"/>'
    if way.has_tip:
        x, y = _go_towards(last, before[-1], _TIP)
        side = (4.5, 0) if abs(x - last[0]) < abs(y - last[1]) else (0, 4.5)
        one, other = (x - side[0], y - side[1]), (x + side[0], y + side[1])
        yield f'<path class="tip-{way.kind}" d="M{_place(last)}L{_place(one)}L{_place(other)}z"/>'


def _round_corners(points: list[Point]) -> str:
    words = [f"M{_place(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = _go_towards(corner, before, _CORNER), _go_towards(corner, after, _CORNER)
        words.append(f"L{_place(near)}Q{_place(corner)} {_place(far)}")
    return "".join([*words, f"L{_place(points[-1])}"])


def _go_towards(start: Point, goal: Point, distance: float) -> Point:
    """Not further than half the way."""
    width, height = goal[0] - start[0], goal[1] - start[1]
    length = max(abs(width), abs(height)) or 1
    part = min(distance / length, 0.5)
    return start[0] + width * part, start[1] + height * part


def _place(point: Point) -> str:
    return f"{_show(point[0])} {_show(point[1])}"


def _show(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def escape_words(words: str) -> str:
    """XML has no control characters, however they are written (XML 1.0, section 2.2)."""
    return escape("".join(sign if sign.isprintable() else " " for sign in words))
