"""The plays of a playbook, with those that it imports, in their order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from homeprod.core.tree import Tree
from homeprod.promotion.document import (
    UnreadableError,
    cut_out,
    get,
    line_of,
    list_items,
    read_nodes,
    read_text,
    render,
)
from homeprod.promotion.references import Doubt, References, read_references, scan_text

PLAYBOOK = "site.yml"
"""The one that the control node runs."""
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")


@dataclass(frozen=True, slots=True)
class Play:
    """``text`` is what it says, however it was written; ``references`` what it leads to by itself."""

    file: str
    line: int
    pattern: str
    name: str
    text: str
    references: References

    @property
    def title(self) -> str:
        return f"{self.file}: {self.name or f'the play for {self.pattern}'}"


@dataclass(frozen=True, slots=True)
class Playbook:
    """``doubts`` are everybody's. ``files`` are those that its plays stand in."""

    plays: tuple[Play, ...]
    doubts: tuple[Doubt, ...]
    files: frozenset[str]


def read_playbook(tree: Tree, path: str = PLAYBOOK) -> Playbook:
    reader = _Reader(tree)
    plays = tuple(reader.read(path, (), Doubt(path, 0, "is not there, or cannot be read")))
    return Playbook(plays, tuple(reader.doubts), frozenset(reader.files))


class _Reader:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.doubts: list[Doubt] = []
        self.files: set[str] = set()

    def read(self, path: str, above: tuple[str, ...], missing: Doubt) -> Iterator[Play]:
        """``missing`` is what is to be doubted where the file cannot be read."""
        file = self._tree.get(path)
        if file is None or file.content is None or not file.is_regular or path in above:
            self.doubts.append(Doubt(missing.file, missing.line, "imports itself") if path in above else missing)
            return
        self.files.add(path)
        try:
            for node in list_items(read_nodes(file.content)):
                yield from self._read_play(node, path, cut_out(node, file.content), (*above, path))
        except UnreadableError as error:
            self.doubts.append(Doubt(path, error.line, f"is no YAML: {error.reason}"))

    def _read_play(self, node: yaml.Node, path: str, written: str, above: tuple[str, ...]) -> Iterator[Play]:
        imported = get(node, *_IMPORTS)
        if imported is None:
            yield _make_play(node, path, written)
            return
        name = read_text(imported) or ""
        if not name or "{{" in name:
            self.doubts.append(Doubt(path, line_of(imported), "imports a playbook that a variable names"))
            return
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        missing = Doubt(path, line_of(imported), f"imports {target}, which is not there, or cannot be read")
        yield from self.read(target, above, missing)


def _make_play(node: yaml.Node, path: str, written: str) -> Play:
    pattern = ",".join(read_text(one) or "{{ unknown }}" for one in list_items(get(node, "hosts"))) or "{{ unknown }}"
    references = read_references(node, path)
    references.add(scan_text(written, path, line_of(node)))
    return Play(path, line_of(node), pattern, read_text(get(node, "name")) or "", render(node), references)
