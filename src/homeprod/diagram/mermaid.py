"""A graph as a mermaid ``flowchart``."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.diagram.graph import Edge, Graph, Node

_ENTITIES = {sign: f"#{ord(sign)};" for sign in '"#<>&`\\'}
"""What mermaid, or the Markdown and HTML that it makes of a label, would read as something else."""


def draw_mermaid(graph: Graph) -> str:
    """Without the fence around it."""
    names = {node.key: f"n{number}" for number, node in enumerate(graph.nodes)}
    nodes = [line for node in graph.nodes if not node.within for line in _draw_node(graph, names, node, "    ")]
    return "\n".join(["flowchart TB", *nodes, *(_draw_edge(graph, names, edge) for edge in graph.edges)])


def _draw_node(graph: Graph, names: dict[str, str], node: Node, indent: str) -> Iterator[str]:
    """One that others stand in is a ``subgraph``: what is said of it stands beside them, since a heading has one
    line."""
    lines = ((node.aside,) if node.aside else ()) + node.lines
    inner = [one for one in graph.nodes if one.within == node.key]
    if not inner:
        yield f'{indent}{names[node.key]}["{_join((node.title, *lines))}"]'
        return
    yield f'{indent}subgraph {names[node.key]}["{_escape(node.title)}"]'
    if lines:
        yield f'{indent}    {names[node.key]}x["{_join(lines)}"]'
    for one in inner:
        yield from _draw_node(graph, names, one, f"{indent}    ")
    yield f"{indent}end"


def _draw_edge(graph: Graph, names: dict[str, str], edge: Edge) -> str:
    """Mermaid draws no arrow from a subgraph to what stands in it ("would create a cycle"): it leaves from what is
    said of it."""
    arrow = {"lan": "-.->", "poll": "-.->", "proxied": "==>"}.get(edge.kind, "-->")
    label = f'|"{_join(edge.lines)}"|' if edge.lines else ""
    start = names[edge.start] + ("x" if graph.find_node(edge.end).within == edge.start else "")
    return f"    {start} {arrow}{label} {names[edge.end]}"


def _join(lines: tuple[str, ...]) -> str:
    return "<br/>".join(_escape(line) for line in lines)


def _escape(words: str) -> str:
    return "".join(_ENTITIES.get(sign, sign if sign.isprintable() else " ") for sign in words)
