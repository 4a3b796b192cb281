"""Where the parts of a provisioning picture stand: making on the left, configuring on the right, machines below."""

from __future__ import annotations

from homeprod.diagram.graph import Graph, Node, describe
from homeprod.diagram.scene import PADDING, Box, Scene, Text, Words, measure_card

MARGIN, LANE, GAP = 16.0, 16.0, 46.0
"""Around the picture; beside the control nodes, where lines run that go past something; between two boxes."""
LEFT, MIDDLE, RIGHT = 284.0, 104.0, 340.0
"""The columns, and the way between them."""
PILL, APART = 60.0, 66.0
"""A state's box, and how far two of them are apart."""
NARROW = 396.0
_KINDS = {"machine": "inner", "data": "dashed"}


def lay_provisioning(graph: Graph, columns: int = 2) -> Scene:
    """With one column it is for narrow screens."""
    width = LEFT + MIDDLE + RIGHT + LANE + 2 * MARGIN if columns == 2 else NARROW
    scene = Scene(graph.title, describe(graph), width)
    y = scene.add_words(MARGIN, MARGIN, width - 2 * MARGIN, [(graph.title, "heading")]) + 10
    bottom = _lay_wide(scene, graph, y) if columns == 2 else _lay_narrow(scene, graph, y)
    panel = _lay_machines(scene, graph, bottom + GAP, 3 if columns == 2 else 1)
    scene.height = _lay_apps(scene, graph, panel) + MARGIN
    return scene


def _lay_wide(scene: Scene, graph: Graph, y: float) -> float:
    """Where the two columns end."""
    x = MARGIN + LEFT + MIDDLE
    left = LEFT if graph.list_nodes("control") else scene.width - 2 * MARGIN
    site = _add_card(scene, graph.find_node("site"), MARGIN, y, left, "plain")
    controls: list[Box] = []
    right = y
    for node in graph.list_nodes("control"):
        controls.append(_lay_control(scene, graph, node, x, right, RIGHT))
        right = controls[-1].bottom + GAP
    person_y = max(site.bottom + GAP, controls[0].y if controls else 0)
    person = _add_card(scene, graph.find_node("person"), MARGIN, person_y, left, "violet")
    proxmox = _add_card(scene, graph.find_node("proxmox"), MARGIN, person.bottom + GAP, left, "amber")
    bottom = max(proxmox.bottom, controls[-1].bottom if controls else 0)
    middle = MARGIN + LEFT / 2
    _join(scene, graph, "site", "person", (middle, site.bottom), (middle, person.y))
    _join(scene, graph, "person", "proxmox", (middle, person.bottom), (middle, proxmox.y))
    _join(scene, graph, "proxmox", "machines", (middle, proxmox.bottom), (middle, bottom + GAP))
    for number, (node, control) in enumerate(zip(graph.list_nodes("control"), controls, strict=True)):
        _call(scene, graph, node, person, control, number)
        end = x + RIGHT / 4 if control is controls[-1] else x + RIGHT + LANE / 2
        start = (end, control.bottom) if control is controls[-1] else (x + RIGHT, control.bottom - 20)
        corner = () if control is controls[-1] else ((end, control.bottom - 20),)
        scene.add_way("ansible", start, *corner, (end, bottom + GAP))
        if control is controls[-1]:
            scene.add_label(end + 10, bottom + GAP / 2 + 4, _tell(graph, node.key, "ansible"))
    return bottom


def _call(scene: Scene, graph: Graph, node: Node, person: Box, control: Box, number: int) -> None:
    """Both arrows from the person to a control node: level to the first one, with their words."""
    lines = [edge for edge in graph.list_edges("person", node.key) if edge.kind in ("ring", "unlock")]
    for index, edge in enumerate(lines):
        start = person.y + 22 + 40 * index
        level = start if not number else control.y + 22 + 40 * index
        turn = control.x - 16 - 8 * index
        corner = ((turn, start), (turn, level)) if number else ()
        scene.add_way(edge.kind, (person.right, start), *corner, (control.x, level))
        if not number:
            above, *below = edge.lines
            scene.add_label(person.right + MIDDLE / 2 - 4, start - 7, above, "middle")
            for word in below:
                scene.add_label(person.right + MIDDLE / 2 - 4, start + 16, word, "middle")


def _lay_control(scene: Scene, graph: Graph, node: Node, x: float, y: float, width: float) -> Box:
    """Its repositories above it, the data VMs whose disks it has within; the box of the node itself."""
    half = (width - 12) / 2
    sources = [graph.find_node(edge.start) for edge in graph.list_edges(end=node.key) if edge.kind == "git"]
    height = max(measure_card(half, _list_lines(one), one.aside) for one in sources)
    top = y + height + 30
    for number, one in enumerate(sources):
        left = x + number * (half + 12)
        scene.add_head(left, y, half, _list_lines(one), one.aside)
        scene.add_box(left, y, half, height, "plain")
        scene.add_way("git", (left + half / 2, y + height), (left + half / 2, top))
    place = len(scene.boxes)
    end = _lay_states(scene, graph, node, x + PADDING, scene.add_head(x, top, width, _list_lines(node), node.aside))
    for one in graph.list_nodes("data", within=node.key):
        end = _add_card(scene, one, x + 10, end, width - 20, "dashed").bottom + 10
    box = Box(x, top, width, end - top, "green")
    scene.boxes.insert(place, box)
    return box


def _lay_states(scene: Scene, graph: Graph, node: Node, x: float, y: float) -> float:
    """In a row: the way on above, the way back below. Where it ends."""
    y += 22
    states = graph.list_nodes("state", within=node.key)
    places = {one.key: Box(x + number * (PILL + APART), y, PILL, 30, "paper") for number, one in enumerate(states)}
    for one in states:
        scene.boxes.append(places[one.key])
        scene.texts.append(Text(places[one.key].middle[0], y + 20, one.title, "tab", "middle"))
    for edge in (edge for edge in graph.edges if edge.kind == "move" and edge.start in places):
        start, end = places[edge.start], places[edge.end]
        if start.x < end.x:
            scene.add_way("move", (start.right, y + 9), (end.x, y + 9))
            scene.texts.append(Text((start.right + end.x) / 2 - 2, y - 4, ", ".join(edge.lines), "note", "middle"))
        else:
            scene.add_way("move", (start.x, y + 22), (end.right, y + 22))
            scene.texts.append(Text((start.x + end.right) / 2, y + 44, ", ".join(edge.lines), "note", "middle"))
    return y + 56


def _lay_narrow(scene: Scene, graph: Graph, y: float) -> float:
    """One below the other: the lanes lead past what stands between."""
    x, width = MARGIN + LANE, NARROW - 2 * (MARGIN + LANE)
    middle, left, right = NARROW / 4, MARGIN + 4, NARROW - MARGIN - LANE / 2
    boxes = []
    for key, kind in (("site", "plain"), ("person", "violet"), ("proxmox", "amber")):
        boxes.append(_add_card(scene, graph.find_node(key), x, y, width, kind))
        y = boxes[-1].bottom + GAP + (10 if key == "person" else 0)
    site, person, proxmox = boxes
    _join(scene, graph, "site", "person", (middle, site.bottom), (middle, person.y))
    _join(scene, graph, "person", "proxmox", (middle, person.bottom), (middle, proxmox.y))
    controls = []
    for node in graph.list_nodes("control"):
        control = _lay_control(scene, graph, node, x, y, width)
        controls.append(control)
        level = control.y + 22
        scene.add_way("ring", (x + width, person.y + 22), (right, person.y + 22), (right, level), (x + width, level))
        y = control.bottom + GAP
    bottom = y - GAP
    for control in controls[:-1]:
        level, lane = control.bottom - 20, MARGIN + LANE - 5
        scene.add_way("ansible", (x, level), (lane, level), (lane, bottom + GAP))
    if controls:
        scene.add_label(x + width, person.bottom + 19, "signed ring;", "end")
        scene.add_label(x + width, person.bottom + 36, "bootstrap, unlock", "end")
        scene.add_way("ansible", (middle, bottom), (middle, bottom + GAP))
        scene.add_label(
            middle + 10, bottom + GAP / 2 + 4, _tell(graph, graph.list_nodes("control")[-1].key, "ansible")
        )
    start = proxmox.bottom - 20
    scene.add_way("make", (x, start), (left, start), (left, bottom + GAP))
    scene.add_label(x, proxmox.bottom + 26, _tell(graph, "proxmox", "make"))
    return bottom


def _lay_machines(scene: Scene, graph: Graph, y: float, columns: int) -> Box:
    """A panel with each environment's machines in rows."""
    place, width = len(scene.boxes), scene.width - 2 * MARGIN
    top = y
    y += 2
    for environment in graph.list_nodes("environment"):
        head: list[Words] = [(environment.title, "title")]
        y = scene.add_head(MARGIN, y, width, head, environment.aside) + 6
        nodes = [one for one in graph.nodes if one.within == environment.key]
        across = min(columns, 2) if len(nodes) in (1, 2, 4) else columns
        inner = (width - 2 * PADDING - 10 * (across - 1)) / across
        for first in range(0, len(nodes), across):
            row = nodes[first : first + across]
            height = max(measure_card(inner, _list_lines(one), one.aside) for one in row)
            for number, one in enumerate(row):
                x = MARGIN + PADDING + number * (inner + 10)
                scene.add_head(x, y, inner, _list_lines(one), one.aside)
                scene.add_box(x, y, inner, height, _KINDS.get(one.kind, "inner"))
            y += height + 8
        y += 4
    panel = Box(MARGIN, top, width, y + 2 - top, "plain")
    scene.boxes.insert(place, panel)
    return panel


def _lay_apps(scene: Scene, graph: Graph, panel: Box) -> float:
    """Below the machines that poll it; where the picture ends."""
    for node in (one for one in graph.list_nodes("git") if one.key == "apps"):
        box = _add_card(scene, node, MARGIN, panel.bottom + GAP, min(LEFT + 30, panel.width), "plain")
        x = MARGIN + LEFT / 3
        scene.add_way("poll", (x, box.y), (x, panel.bottom))
        words = ", ".join(graph.list_edges(node.key)[0].lines)
        scene.add_label(x + 10, panel.bottom + GAP / 2 + 4, words)
        return box.bottom
    return panel.bottom


def _join(scene: Scene, graph: Graph, start: str, end: str, *points: tuple[float, float]) -> None:
    edge = graph.list_edges(start, end)[0]
    scene.add_way(edge.kind, *points)
    (x, _), (_, low) = points[0], points[-1]
    scene.add_label(x + 10, low - GAP / 2 + 4, " ".join(edge.lines))


def _tell(graph: Graph, start: str, kind: str) -> str:
    return next(" ".join(edge.lines) for edge in graph.list_edges(start) if edge.kind == kind)


def _add_card(scene: Scene, node: Node, x: float, y: float, width: float, kind: str) -> Box:
    return scene.add_card(x, y, width, kind, _list_lines(node), node.aside)


def _list_lines(node: Node) -> list[Words]:
    return [(node.title, "title"), *((line, "soft") for line in node.lines)]
