"""A YAML file of Ansible's as nodes that know their lines: no tag of its own (``!vault``) stands in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

_DEPTH = 60
"""Levels, far beyond what a person writes."""


class UnreadableError(Exception):
    """It is no YAML, or nested without end. ``line`` is where, as far as that is known; ``reason`` says it in one
    line."""

    def __init__(self, message: str, line: int = 1, reason: str = "") -> None:
        super().__init__(message)
        self.line, self.reason = line, reason or " ".join(message.split())


def read_nodes(content: bytes) -> yaml.Node | None:
    """The root of the only document, None of an empty file. Raises UnreadableError."""
    try:
        return yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise UnreadableError(str(error), mark.line + 1 if mark else 1, str(error.problem or "")) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UnreadableError(str(error)) from error


def get(node: yaml.Node | None, *names: str) -> yaml.Node | None:
    """The value of the first of these keys that a mapping has."""
    pairs = dict(list_pairs(node))
    return next((pairs[name] for name in names if name in pairs), None)


def list_pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Of a mapping whose keys are texts; of anything else nothing."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), value


def list_items(node: yaml.Node | None) -> list[yaml.Node]:
    """Of a sequence; a single value is a list of one, as Ansible takes it."""
    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def read_text(node: yaml.Node | None) -> str | None:
    """None where it is no single value."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def walk(node: yaml.Node | None, depth: int = 0) -> Iterator[yaml.MappingNode]:
    """Every mapping, at every depth. Raises UnreadableError where they have no end."""
    if depth > _DEPTH:
        raise UnreadableError("it is nested without end")
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from walk(value, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from walk(item, depth + 1)


def cut_out(node: yaml.Node, content: bytes) -> str:
    """The node as it is written."""
    return content.decode()[node.start_mark.index : node.end_mark.index]


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def render(node: yaml.Node | None) -> str:
    """The same text for the same values, however they were written. Raises UnreadableError where they have no end."""
    return json.dumps(_simplify(node, 0), ensure_ascii=False)


def _simplify(node: yaml.Node | None, depth: int) -> object:
    if depth > _DEPTH:
        raise UnreadableError("it is nested without end")
    if isinstance(node, yaml.MappingNode):
        return {"map": [[_simplify(key, depth + 1), _simplify(value, depth + 1)] for key, value in node.value]}
    if isinstance(node, yaml.SequenceNode):
        return [_simplify(item, depth + 1) for item in node.value]
    return [node.tag.rpartition(":")[2], node.value] if node is not None else None
