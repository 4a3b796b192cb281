"""The files of a repository, at one commit or in a work tree, as values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """As git knows them; its modes."""

    FILE = "100644"
    PROGRAM = "100755"
    LINK = "120000"
    SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class File:
    """``content`` of a link is where it leads. None where it was too large to be looked into. ``oid`` is git's name
    for the content, empty in a work tree."""

    kind: Kind
    content: bytes | None
    oid: str = ""

    @property
    def is_regular(self) -> bool:
        return self.kind in (Kind.FILE, Kind.PROGRAM)


class Tree:
    """Paths are relative to the repository, parts separated by ``/``."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = dict(sorted(files.items()))
        self._paths = list(self._files)

    def __iter__(self) -> Iterator[tuple[str, File]]:
        return iter(self._files.items())

    def __len__(self) -> int:
        return len(self._files)

    def get(self, path: str) -> File | None:
        return self._files.get(path)

    def below(self, folder: str) -> Tree:
        """The folder's files, by their paths in it."""
        prefix = f"{folder}/"
        return Tree({path.removeprefix(prefix): self._files[path] for path in self._list_below(prefix)})

    def has_folder(self, folder: str) -> bool:
        return next(self._list_below(f"{folder}/"), None) is not None

    def list_folders(self, folder: str) -> tuple[str, ...]:
        """The names of the folders in it."""
        prefix = f"{folder}/"
        rests = (path.removeprefix(prefix) for path in self._list_below(prefix))
        return tuple(dict.fromkeys(rest.partition("/")[0] for rest in rests if "/" in rest))

    def _list_below(self, prefix: str) -> Iterator[str]:
        for path in self._paths[bisect_left(self._paths, prefix) :]:
            if not path.startswith(prefix):
                return
            yield path
