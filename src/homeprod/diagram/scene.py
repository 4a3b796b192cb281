"""Scene: boxes, ways and words, each at its place, in the picture's own units (pixels at its natural size)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from homeprod.diagram.widths import measure, wrap

TextKind = Literal["heading", "title", "text", "soft", "tab", "mark", "note", "label"]
Words = tuple[str, TextKind]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """``height`` is from one line to the next."""

    size: float
    height: float
    is_bold: bool = False


FACES: dict[TextKind, Face] = {
    "heading": Face(17, 24, is_bold=True),
    "title": Face(15, 21, is_bold=True),
    "text": Face(13, 18),
    "soft": Face(13, 18),
    "tab": Face(13, 18, is_bold=True),
    "mark": Face(13, 18, is_bold=True),
    "note": Face(12, 17),
    "label": Face(12.5, 17),
}
# A label stands on the page itself, with a halo over what runs below it; a note in a box.
PADDING = 12.0
"""Between the edge of a box and its words."""


@dataclass(frozen=True, slots=True)
class Text:
    """``y`` is the base line. With ``anchor="middle"`` ``x`` is the middle, with ``end`` the end."""

    x: float
    y: float
    words: str
    kind: TextKind
    anchor: Literal["start", "middle", "end"] = "start"

    @property
    def width(self) -> float:
        return measure(self.words, FACES[self.kind].size, is_bold=FACES[self.kind].is_bold)

    @property
    def left(self) -> float:
        return self.x - {"start": 0, "middle": 0.5, "end": 1}[self.anchor] * self.width


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    kind: str

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Way:
    """A line along ``points``, upright or level from each to the next, with an arrow's tip at the last."""

    points: tuple[Point, ...]
    kind: str
    has_tip: bool = True


@dataclass(slots=True)
class Scene:
    """Drawn in the order of its lists: boxes, ways, words."""

    title: str
    description: str
    width: float
    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def add_box(self, x: float, y: float, width: float, height: float, kind: str) -> Box:
        box = Box(x, y, width, height, kind)
        self.boxes.append(box)
        return box

    def add_card(self, x: float, y: float, width: float, kind: str, lines: Sequence[Words], aside: str = "") -> Box:
        """A box as high as its words need. ``aside`` stands at the end of the first line, where there is room."""
        bottom = self.add_head(x, y, width, lines, aside)
        return self.add_box(x, y, width, bottom + 10 - y, kind)

    def add_head(self, x: float, y: float, width: float, lines: Sequence[Words], aside: str = "") -> float:
        """The words of a card without its box; where they end."""
        inner, (first, kind) = width - 2 * PADDING, lines[0]
        face = FACES[kind]
        taken = measure(first, face.size, is_bold=face.is_bold) + measure(aside, FACES["soft"].size) + 8
        if aside and taken <= inner:
            self.texts.append(Text(x + width - PADDING, y + 8 + face.height * 0.75, aside, "soft", "end"))
        elif aside:
            lines = [lines[0], (aside, "soft"), *lines[1:]]
        return self.add_words(x + PADDING, y + 8, inner, lines)

    def add_words(self, x: float, y: float, width: float, lines: Iterable[Words]) -> float:
        """From ``y`` down, no wider than ``width``; where they end."""
        for words, kind in lines:
            face = FACES[kind]
            for line in wrap(words, width, face.size, is_bold=face.is_bold):
                self.texts.append(Text(x, y + face.height * 0.75, line, kind))
                y += face.height
        return y

    def add_label(self, x: float, y: float, words: str, anchor: Literal["start", "middle", "end"] = "start") -> None:
        self.texts.append(Text(x, y, words, "label", anchor))

    def add_way(self, kind: str, *points: Point, has_tip: bool = True) -> None:
        self.ways.append(Way(points, kind, has_tip))


def measure_card(width: float, lines: Sequence[Words], aside: str = "") -> float:
    """How high a card with these lines is."""
    return Scene("", "", 0).add_card(0, 0, width, "", lines, aside).height
