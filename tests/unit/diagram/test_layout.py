"""Nothing in a picture overlaps or is cut, however many machines there are and however long their names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise, takewhile

import pytest
from tests.picture_sites import make_site
from tests.unit.plan.pegasus import SITE

from homeprod.diagram.network import describe_network
from homeprod.diagram.networklayout import lay_network
from homeprod.diagram.provisioning import describe_provisioning
from homeprod.diagram.provisioninglayout import lay_provisioning
from homeprod.diagram.scene import FACES, Box, Scene, Text, Way
from homeprod.diagram.states import lay_states
from homeprod.diagram.widths import measure, wrap

SITES = {
    "pegasus": SITE,
    "one machine": make_site(1),
    "one service": make_site(1, proxies=1),
    "ten": make_site(10, proxies=2, nodes=1, has_ipv6=True),
    "sixty": make_site(60, proxies=3, nodes=2),
    "more than are shown": make_site(200, nodes=1),
    "many nodes": make_site(10, proxies=7, nodes=4, has_ipv6=True),
    "long names": make_site(12, length=63, proxies=3, nodes=2, has_ipv6=True),
    "one long name": make_site(1, length=63, proxies=1, nodes=1),
    "the longest names": make_site(3, length=240, proxies=2),
}
Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _list_scenes(columns: int) -> Iterator[tuple[str, Scene]]:
    yield "states", lay_states(columns)
    for name, site in SITES.items():
        yield f"{name}: provisioning", lay_provisioning(describe_provisioning(site), columns)
        if site.entry is not None:
            yield f"{name}: network", lay_network(describe_network(site, site.entry), columns)


SCENES = [(f"{name}, {columns}", scene) for columns in (1, 2) for name, scene in _list_scenes(columns)]
every_scene = pytest.mark.parametrize("scene", [scene for _, scene in SCENES], ids=[name for name, _ in SCENES])


def _cover(text: Text) -> Area:
    size = FACES[text.kind].size
    return text.left, text.y - size * 0.8, text.left + text.width, text.y + size * 0.25


def _area(box: Box) -> Area:
    return box.x, box.y, box.right, box.bottom


def _touch(one: Area, other: Area, room: float = 0.01) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across > room and min(one[3], other[3]) - max(one[1], other[1]) > room


def _holds(outer: Area, inner: Area, room: float = 0.01) -> bool:
    return (
        outer[0] - room <= inner[0]
        and outer[1] - room <= inner[1]
        and inner[2] <= outer[2] + room
        and inner[3] <= outer[3] + room
    )


def _list_segments(way: Way) -> Iterator[Area]:
    for (x, y), (goal, level) in pairwise(way.points):
        yield min(x, goal) - 1, min(y, level) - 1, max(x, goal) + 1, max(y, level) + 1


@every_scene
def test_no_words_run_into_others(scene: Scene) -> None:
    covered = sorted(((text, _cover(text)) for text in scene.texts), key=lambda one: one[1][1])
    over = []
    for index, (text, area) in enumerate(covered):
        below = takewhile(lambda one, low=area[3]: one[1][1] < low, covered[index + 1 :])
        over += [(text.words, other.words) for other, its in below if _touch(area, its)]
    assert over == []


@every_scene
def test_all_is_on_the_page(scene: Scene) -> None:
    page = (4, 4, scene.width - 4, scene.height - 4)
    assert [text.words for text in scene.texts if not _holds(page, _cover(text))] == []
    assert [box for box in scene.boxes if not _holds(page, _area(box))] == []
    assert [way for way in scene.ways if not all(_holds(page, part) for part in _list_segments(way))] == []


@every_scene
def test_words_are_in_one_box_or_in_none(scene: Scene) -> None:
    boxes = [_area(box) for box in scene.boxes]
    for text in scene.texts:
        area = _cover(text)
        around = [box for box in boxes if _touch(box, area)]
        assert (text.words, [box for box in around if text.kind == "label" or not _holds(box, area)]) == (
            text.words,
            [],
        )
        assert text.words == "" or around or text.kind in ("label", "heading")


@every_scene
def test_boxes_are_apart_or_within_another_which_comes_first(scene: Scene) -> None:
    for (index, one), (later, other) in combinations(enumerate(map(_area, scene.boxes)), 2):
        assert index < later
        assert not _touch(one, other) or _holds(one, other)


@every_scene
def test_ways_go_around_boxes_and_words(scene: Scene) -> None:
    boxes = [_area(box) for box in scene.boxes]
    words = [_cover(text) for text in scene.texts if text.kind != "label"]
    for way in scene.ways:
        parts = list(_list_segments(way))
        crossed = [box for box in boxes if any(_touch(box, part, 1.6) for part in parts)]
        assert [box for box in crossed if not all(_holds(box, part, 1.01) for part in parts)] == []
        assert [area for area in words for part in parts if _touch(area, part)] == []


@pytest.mark.parametrize("columns", [1, 2])
def test_a_picture_is_as_wide_as_its_columns(columns: int) -> None:
    widths = {scene.width for name, scene in SCENES if name.endswith(f", {columns}")}
    assert max(widths) <= (420 if columns == 1 else 790)


@pytest.mark.parametrize("words", ["", "a", "one two", "w" * 300, "a.b.c-d/e:f" * 20, "日本語" * 40])
@pytest.mark.parametrize("width", [1, 60, 250])
def test_wrapping_leaves_nothing_out(words: str, width: int) -> None:
    lines = list(wrap(words, width, 13))
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(len(line) <= 1 or measure(line, 13) <= width for line in lines)
