"""Where the parts of a network picture stand: the way in from the top, proxies in columns, the LAN below."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.diagram.graph import Edge, Graph, Node, describe
from homeprod.diagram.network import TLS_ENDS
from homeprod.diagram.scene import FACES, Box, Scene, Words, measure_card
from homeprod.diagram.widths import measure

MARGIN, COLUMN, GUTTER, MIDDLE = 16.0, 322.0, 22.0, 52.0
"""Around the picture; of a column; beside the columns, where the LAN's lines run; between two, or before one, where
those from outside do."""
TOP = 330.0
"""How wide the boxes above the columns are at most."""
ACROSS = 96.0
"""From one box of the uppermost row to the next."""
_KINDS = {"outside": "outside", "router": "plain"}
GAP, STEP = 44.0, 24.0
"""From one of them to the next; between two proxies of a column."""
TREE = 26.0
"""How far services stand in from the edge of their proxy."""


@dataclass(slots=True)
class _Column:
    """Lines from outside run at ``trunk``, those of the LAN at ``lane``; ``y`` is where the column ends so far."""

    x: float
    trunk: float
    lane: float
    y: float

    @property
    def is_right(self) -> bool:
        return self.trunk < self.x

    @property
    def near(self) -> float:
        """The edge towards the trunk."""
        return self.x if self.is_right else self.x + COLUMN

    @property
    def far(self) -> float:
        return self.x + COLUMN if self.is_right else self.x


def lay_network(graph: Graph, columns: int = 2) -> Scene:
    """With one column it is for narrow screens."""
    columns = min(columns, max(len(graph.list_nodes("proxy")), 1))
    inner = 2 * (GUTTER + COLUMN) + MIDDLE if columns == 2 else MIDDLE / 2 + COLUMN + GUTTER
    scene = Scene(graph.title, describe(graph), inner + 2 * MARGIN)
    y = scene.add_words(MARGIN, MARGIN, inner, [(graph.title, "heading")]) + 10
    trunk = scene.width / 2 if columns == 2 else MARGIN + MIDDLE / 4
    last = _lay_top(scene, graph, trunk, y)
    y = last.bottom + 34
    scene.add_label(trunk + 12, last.bottom + 21, "by name")
    places = _place_columns(scene.width, trunk, y)[-columns:]
    lane_ends: list[tuple[_Column, float]] = []
    for node in graph.list_nodes("proxy"):
        column = min(places, key=lambda one: one.y)
        lane_ends.append((column, _lay_proxy(scene, graph, node, column, last.bottom)))
    _lay_lan(scene, graph, places, lane_ends)
    return scene


def _place_columns(width: float, trunk: float, y: float) -> list[_Column]:
    left = _Column(MARGIN + GUTTER, trunk, MARGIN + GUTTER / 3, y)
    right = _Column(width - MARGIN - GUTTER - COLUMN, trunk, width - MARGIN - GUTTER / 3, y)
    return [left, right]


def _lay_top(scene: Scene, graph: Graph, trunk: float, y: float) -> Box:
    """What every connection passes; the last box of it."""
    passed = graph.list_nodes("outside", "router")
    is_stacked = trunk < scene.width / 2
    last = (_lay_stack if is_stacked else _lay_row)(scene, graph, passed, y)
    node = graph.find_node("passthrough")
    words = graph.list_edges(end=node.key)[0].lines
    if is_stacked:
        y = last.bottom + GAP
        scene.add_way("tls", (trunk, last.bottom), (trunk, y))
        scene.add_label(trunk + 12, y - GAP / 2 + 4, " · ".join(words))
        return scene.add_card(last.x, y, last.width, "violet", _list_lines(node), node.aside)
    box = scene.add_card(trunk - TOP / 2, last.bottom + 28, TOP, "violet", _list_lines(node), node.aside)
    x, y = last.middle[0], box.y + 8 + FACES["title"].height / 2
    scene.add_way("tls", (x, last.bottom), (x, y), (box.right, y))
    for number, line in enumerate(words):
        scene.add_label(last.right, y + 22 + 17 * number, line, "end")
    return box


def _lay_stack(scene: Scene, graph: Graph, nodes: list[Node], y: float) -> Box:
    last = Box(0, 0, 0, 0, "")
    for number, node in enumerate(nodes):
        if number:
            scene.add_way("tls", (MARGIN + MIDDLE / 4, last.bottom), (MARGIN + MIDDLE / 4, y))
            scene.add_label(MARGIN + MIDDLE / 4 + 12, y - GAP / 2 + 4, _tell_edge(graph, node))
        last = scene.add_card(MARGIN, y, scene.width - 2 * MARGIN, _KINDS[node.kind], _list_lines(node), node.aside)
        y = last.bottom + GAP
    return last


def _lay_row(scene: Scene, graph: Graph, nodes: list[Node], y: float) -> Box:
    """From the left edge to the right one, as high as the highest."""
    inner = scene.width - 2 * MARGIN
    width = (inner - ACROSS * 2) / 3
    step = (inner - width) / (len(nodes) - 1)
    height = max(measure_card(width, _list_lines(node), node.aside) for node in nodes)
    last = Box(0, 0, 0, 0, "")
    for number, node in enumerate(nodes):
        x = MARGIN + number * step
        if number:
            scene.add_way("tls", (last.right, y + height / 2), (x, y + height / 2))
            for index, line in enumerate(graph.list_edges(end=node.key)[0].lines):
                scene.add_label((last.right + x) / 2 - 3, y + height / 2 - 8 + 26 * index, line, "middle")
        scene.add_head(x, y, width, _list_lines(node), node.aside)
        last = scene.add_box(x, y, width, height, _KINDS[node.kind])
    return last


def _tell_edge(graph: Graph, node: Node) -> str:
    return " · ".join(graph.list_edges(end=node.key)[0].lines)


def _list_lines(node: Node) -> list[Words]:
    return [(node.title, "title"), *((line, "mark" if line == TLS_ENDS else "soft") for line in node.lines)]


def _lay_proxy(scene: Scene, graph: Graph, node: Node, column: _Column, start: float) -> float:
    """The names that lead there, the proxy below them, its services within. Where the LAN reaches it."""
    edges = graph.list_edges("passthrough", node.key)
    top = column.y
    if edges:
        tab = scene.add_card(column.x, top, COLUMN, "violet", _list_route_lines(edges[0]))
        middle = top + 8 + FACES["tab"].height / 2
        scene.add_way("proxied", (column.trunk, start), (column.trunk, middle), (column.near, middle))
        top = tab.bottom + 16
        scene.add_way("proxied", (tab.middle[0], tab.bottom), (tab.middle[0], top))
    place = len(scene.boxes)
    y = scene.add_head(column.x, top, COLUMN, _list_lines(node), node.aside) + 8
    head = y
    branches: list[tuple[float, str]] = []
    for service in graph.list_nodes("service", "lan-service", within=node.key):
        box = _lay_service(scene, service, column.x + TREE, y + 4)
        branches.append((y + 4 + 8 + FACES["title"].height / 2, graph.list_edges(end=service.key)[0].kind))
        y = box.bottom + 6
    for level, kind in reversed(branches):
        scene.add_way(kind, (column.x + TREE / 2, head), (column.x + TREE / 2, level), (column.x + TREE, level))
    scene.boxes.insert(place, Box(column.x, top, COLUMN, y + 8 - top, "green"))
    column.y = y + 8 + STEP
    return top + 8 + FACES["title"].height / 2


def _list_route_lines(edge: Edge) -> list[Words]:
    """The names, then the two doors."""
    names: list[Words] = [(line, "tab") for line in edge.lines[:-2]]
    return [*names, *((line, "soft") for line in edge.lines[-2:])]


def _lay_service(scene: Scene, node: Node, x: float, y: float) -> Box:
    kind = "dashed" if node.kind == "lan-service" else "inner"
    return scene.add_card(x, y, COLUMN - TREE - 10, kind, _list_lines(node), node.aside)


def _lay_lan(scene: Scene, graph: Graph, places: list[_Column], ends: list[tuple[_Column, float]]) -> None:
    """At the foot of the column with room left; its lines run outside of both."""
    node = graph.find_node("lan")
    told: list[Words] = [
        (f"{graph.find_node(edge.end).title}: {edge.lines[0]}", "text") for edge in graph.list_edges(node.key)
    ]
    lines = [*_list_lines(node), *told]
    column = min(places, key=lambda one: one.y)
    longest = max(places, key=lambda one: one.y)
    height = measure_card(COLUMN, lines, node.aside)
    y = max(column.y, longest.y - STEP - height)
    has_room = y - column.y > LEGEND_HEIGHT + STEP
    if has_room:
        _lay_legend(scene, column.x + 8, (column.y + y - STEP - LEGEND_HEIGHT) / 2, COLUMN)
    box = scene.add_card(column.x, y, COLUMN, "blue", lines, node.aside)
    low = box.bottom + 16
    for goal, level in ends:
        if goal is column:
            y = box.y + 8 + FACES["title"].height / 2
            scene.add_way("lan", (column.far, y), (goal.lane, y), (goal.lane, level), (goal.far, level))
        else:
            x = box.middle[0]
            scene.add_way("lan", (x, box.bottom), (x, low), (goal.lane, low), (goal.lane, level), (goal.far, level))
    scene.height = low + (MARGIN if any(goal is not column for goal, _ in ends) else 0)
    if not has_room:
        scene.height = _lay_legend(scene, MARGIN, scene.height + 12, scene.width - 2 * MARGIN)


_LEGEND = (
    ("tls", "TLS and HTTP, as they come"),
    ("proxied", "TLS untouched, PROXY protocol before it"),
    ("http", "HTTP, to services"),
    ("lan", "HTTPS from the LAN, by split DNS"),
)


LEGEND_STEP = 24.0
LEGEND_HEIGHT = LEGEND_STEP * len(_LEGEND)


def _lay_legend(scene: Scene, x: float, y: float, width: float) -> float:
    """As many in a row as there is room for; where it ends."""
    left = x
    for kind, words in _LEGEND:
        needed = 33 + measure(words, FACES["label"].size)
        if left > x and left + needed > x + width:
            left, y = x, y + LEGEND_STEP
        scene.add_way(kind, (left, y + 8), (left + 26, y + 8), has_tip=False)
        scene.add_label(left + 33, y + 12, words)
        left += needed + 18
    return y + LEGEND_STEP
