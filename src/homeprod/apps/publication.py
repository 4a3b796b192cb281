"""Publication: which branches move when a commit of the app repository is published, and by which files.

A branch moves only where its files differ from what it holds, and always forward: the new commit's parent is the
head. So a commit that touches one app restarts that app alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from homeprod.apps.branch import CONFIGURATION, name_branch
from homeprod.apps.checks.hosts import find_content
from homeprod.apps.host import FILE, Host
from homeprod.apps.variables import list_files
from homeprod.core.tree import File, Tree


class Fate(Enum):
    """What becomes of a file; with the sign that a person sees."""

    NEW = "+"
    CHANGED = "~"
    GONE = "-"


@dataclass(frozen=True, slots=True)
class Head:
    """A published branch. ``is_there`` is false where it was published once, and has vanished since."""

    commit: str
    tree: Tree
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One branch that moves. ``head`` is None where it is new; without ``changes`` a vanished one is put back."""

    host: str
    app: str
    files: Tree
    head: Head | None
    changes: tuple[tuple[Fate, str], ...]

    @property
    def branch(self) -> str:
        return name_branch(self.host, self.app)

    @property
    def parent(self) -> str:
        return self.head.commit if self.head is not None else ""

    @property
    def expected(self) -> str:
        """Where the branch must be for the step to be taken; empty where it must not be there."""
        return self.head.commit if self.head is not None and self.head.is_there else ""


@dataclass(frozen=True, slots=True)
class Publication:
    """``steps`` in the order in which they are taken: a host's configuration after its apps, since it names them."""

    steps: tuple[Step, ...]
    unchanged: int


def plan_publication(
    tree: Tree, hosts: tuple[Host, ...], heads: Mapping[str, Head], only: frozenset[str] = frozenset()
) -> Publication:
    """``only`` are hosts, or ``HOST/APP``; empty for everything. The tree was linted."""
    wanted = [
        (host, app, files)
        for host, app, files in _list_wanted(tree, hosts)
        if not only or host in only or f"{host}/{app}" in only
    ]
    steps = [_plan(host, app, files, heads.get(name_branch(host, app))) for host, app, files in wanted]
    moved = [step for step in steps if step.changes or step.expected != step.parent]
    moved.sort(key=lambda step: (step.app == CONFIGURATION, step.host, step.app))
    return Publication(tuple(moved), len(steps) - len(moved))


def list_targets(tree: Tree, hosts: tuple[Host, ...]) -> set[str]:
    """What ``only`` may name."""
    return {name for host, app, _ in _list_wanted(tree, hosts) for name in (host, f"{host}/{app}")}


def _list_wanted(tree: Tree, hosts: tuple[Host, ...]) -> Iterator[tuple[str, str, Tree]]:
    for host in hosts:
        for app in host.apps:
            folder = find_content(tree, host, app) if app.is_own else ""
            if folder:
                yield host.name, app.name, tree.below(folder)
        yield host.name, CONFIGURATION, _gather_configuration(tree, host)


def _gather_configuration(tree: Tree, host: Host) -> Tree:
    """What Harbormaster reads of it: the file itself, and those of variables that it names, at their places."""
    names = (FILE, *list_files(host))
    found = {name: tree.get(f"{host.folder}/{name}") for name in names}
    return Tree({name: file for name, file in found.items() if file is not None})


def _plan(host: str, app: str, files: Tree, head: Head | None) -> Step:
    return Step(host, app, files, head, tuple(_compare(dict(head.tree) if head is not None else {}, dict(files))))


def _compare(before: Mapping[str, File], after: Mapping[str, File]) -> Iterator[tuple[Fate, str]]:
    """By git's names for the contents, and their modes."""
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None:
            yield Fate.NEW, path
        elif new is None:
            yield Fate.GONE, path
        elif (old.kind, old.oid) != (new.kind, new.oid):
            yield Fate.CHANGED, path
