"""Graph: what a picture shows, before anybody says where. Every format is drawn from it, so none shows more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

NodeKind = Literal[
    "outside", "router", "passthrough", "proxy", "service", "lan-service", "lan", "git", "person", "hypervisor",
    "control", "state", "data", "machine", "environment", "machines",
]  # fmt: skip
EdgeKind = Literal["tls", "proxied", "http", "lan", "make", "git", "ring", "unlock", "ansible", "poll", "move"]


@dataclass(frozen=True, slots=True)
class Node:
    """``aside`` stands behind the title; ``within`` is the key of the node that it is drawn in, empty for none."""

    key: str
    kind: NodeKind
    title: str
    lines: tuple[str, ...] = ()
    within: str = ""
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    start: str
    end: str
    kind: EdgeKind
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def list_nodes(self, *kinds: NodeKind, within: str | None = None) -> list[Node]:
        return [one for one in self.nodes if one.kind in kinds and within in (None, one.within)]

    def find_node(self, key: str) -> Node:
        return next(one for one in self.nodes if one.key == key)

    def list_edges(self, start: str = "", end: str = "") -> list[Edge]:
        return [one for one in self.edges if start in ("", one.start) and end in ("", one.end)]


def describe(graph: Graph) -> str:
    """In words, for who cannot see the picture."""
    return ". ".join(line.replace(" -- ", " to ").replace(" --> ", " to ") for line in list_arrows(graph))


def list_arrows(graph: Graph) -> Iterator[str]:
    """An arrow a line."""
    for edge in graph.edges:
        words = f"--{', '.join(edge.lines)}-->" if edge.lines else "-->"
        yield f"{graph.find_node(edge.start).title} {words} {graph.find_node(edge.end).title}"


def draw_text(graph: Graph) -> str:
    """Each node with what there is to say of it, then each arrow."""
    nodes = (_indent(node, graph) for node in graph.nodes)
    return "\n".join([*(line for lines in nodes for line in lines), "", *list_arrows(graph)])


def _indent(node: Node, graph: Graph) -> Iterable[str]:
    depth, outer = 0, node
    while outer.within:
        depth, outer = depth + 1, graph.find_node(outer.within)
    yield f"{'  ' * depth}{node.title}{f'  {node.aside}' if node.aside else ''}"
    yield from (f"{'  ' * (depth + 1)}{line}" for line in node.lines)
