"""A YAML text as values that know where they stand.

Scalars are read by YAML 1.1, as Harbormaster's PyYAML does for its own file; ``text`` is what was written, for
readers that see it otherwise (compose reads by YAML 1.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from homeprod.apps.sheet import Place, Sheet

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_DEPTH = 100
"""Levels, far beyond what a person writes."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """``value`` as YAML has it: a text, a number, a bool, a date, None."""

    place: Place
    text: str
    value: object


@dataclass(frozen=True, slots=True)
class Listing:
    place: Place
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """``entries`` in the order of the file; of a key that stands twice the last."""

    place: Place
    entries: dict[str, Value]
    keys: dict[str, Scalar]

    def get(self, name: str) -> Value | None:
        """None also for what is there without a value: the readers of these files make no difference."""
        value = self.entries.get(name)
        return None if isinstance(value, Scalar) and value.value is None else value

    def find(self, name: str) -> Place:
        """Where the key stands; the table itself where it does not."""
        return self.keys[name].place if name in self.keys else self.place

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return iter(self.entries.items())


Value = Scalar | Listing | Table


def read_document(text: bytes | str, file: str, sheet: Sheet) -> Value | None:
    """None where it is no YAML, which is then on the sheet; a scalar of None where nothing stands in it."""
    try:
        return _Reader(file, sheet).read(text.decode() if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        sheet.refuse(Place(file), f"is no UTF-8 (byte {error.start})", "write it as UTF-8")
    except yaml.YAMLError as error:
        line, problem = _explain(error)
        sheet.refuse(Place(file, line), f"is no YAML: {problem}", "nothing else of this file was looked at")
    except RecursionError:
        sheet.refuse(Place(file), "is nested far too deep", "nothing else of this file was looked at")
    except ValueError as error:  # a date such as 2026-13-41
        sheet.refuse(Place(file), f"holds a value that YAML cannot read: {error}", "put it in quotes")
    return None


def _explain(error: yaml.YAMLError) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable")
    return (mark.line + 1 if mark is not None else 1), words


class _Reader:
    def __init__(self, file: str, sheet: Sheet) -> None:
        self._file, self._sheet = file, sheet
        self._made: dict[int, Value] = {}
        """By node: an alias is the very value it names, so that a few lines cannot become a million values."""
        self._open: set[int] = set()

    def read(self, text: str) -> Value:
        self._loader: Any = yaml.SafeLoader(text)  # not the one in C, which a hundred thousand brackets crash
        try:
            node = self._loader.get_single_node()
            return Scalar(Place(self._file), "", None) if node is None else self._turn(node)
        finally:
            self._loader.dispose()

    def _turn(self, node: yaml.Node) -> Value:
        if id(node) not in self._made:
            if id(node) in self._open or len(self._open) > _DEPTH:
                raise RecursionError
            self._open.add(id(node))
            self._made[id(node)] = self._make(node)
            self._open.remove(id(node))
        return self._made[id(node)]

    def _make(self, node: yaml.Node) -> Value:
        place = Place(self._file, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._make_table(node, place)
        if isinstance(node, yaml.SequenceNode):
            return Listing(place, tuple(self._turn(item) for item in node.value))
        return Scalar(place, str(node.value), self._construct(node))

    def _construct(self, node: yaml.Node) -> object:
        """A tag that nobody knows (``!reset`` of compose, say) leaves the text."""
        if node.tag.startswith("!"):
            return str(node.value)
        return self._loader.construct_object(node)

    def _make_table(self, node: yaml.MappingNode, place: Place) -> Table:
        own: dict[str, Value] = {}
        keys: dict[str, Scalar] = {}
        merged: list[Table] = []
        for key_node, value_node in node.value:
            value = self._turn(value_node)
            if key_node.tag == _MERGE:
                merged += [
                    one for one in (value.items if isinstance(value, Listing) else (value,)) if isinstance(one, Table)
                ]
                continue
            key = self._turn(key_node)
            if not isinstance(key, Scalar):
                self._sheet.refuse(key.place, "a list or a table is no key", "write a word there")
                continue
            if key.text in own:
                hint = f"it stands in line {keys[key.text].place.line} too; keep one of them"
                self._sheet.refuse(key.place, f"{key.text!r} stands twice, and the last one would win silently", hint)
            own[key.text], keys[key.text] = value, key
        for table in merged:
            for name, value in table.entries.items():
                if name not in own:
                    own[name], keys[name] = value, table.keys[name]
        return Table(place, own, keys)
