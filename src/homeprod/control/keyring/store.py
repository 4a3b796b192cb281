"""The keyring's files as one: a change writes them all anew, and is made by renaming one folder.

    generation-7/            the files in force: the highest number counts
    writing/                 a change that was cut off; nobody reads it, and the next change clears it

Renaming a folder is atomic, so a power cut leaves the whole old state or the whole new one, never a mixture of two.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from homeprod.control.keyring.disk import Disk, remove_tree, sync_folder, write_file

_NAME = "generation-"
_WRITING = "writing"
MOST_BYTES = 1_000_000
"""Of a file; a keyring has some ten thousand."""


class Store:
    """Files by their names below the generation's folder (``administrators/sean.age``). Methods raise OSError."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self._disk = disk or Disk()

    def exists(self) -> bool:
        return bool(self._list_generations())

    def find_folder(self) -> Path | None:
        """Of the generation in force."""
        numbers = self._list_generations()
        return self.folder / f"{_NAME}{numbers[-1]}" if numbers else None

    def read(self) -> dict[str, bytes]:
        """Every file of the generation in force; none where there is no keyring."""
        while folder := self.find_folder():
            with contextlib.suppress(FileNotFoundError):
                files = {str(file.relative_to(folder)): _read_start(file) for file in _list_files(folder)}
                if folder == self.find_folder():
                    return files
            # A change was made meanwhile, and what was being read is cleared away.
        return {}

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Nobody else changes it meanwhile; the folder is made where it is missing, what lies above it is not."""
        if not self.folder.is_dir():
            self._disk.make_folder(self.folder)
            sync_folder(self._disk, self.folder.parent)
        handle = self._disk.open_folder(self.folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            self._disk.close(handle)

    def commit(self, files: Mapping[str, bytes]) -> None:
        """Put these in the place of all there are; to be called while held. What was there stays until
        :meth:`tidy`."""
        self._clear_writing()
        writing = self.folder / _WRITING
        self._write_all(writing, files)
        numbers = self._list_generations()
        made = self.folder / f"{_NAME}{numbers[-1] + 1 if numbers else 1}"
        try:
            self._disk.rename(writing, made)
            sync_folder(self._disk, self.folder)
        except OSError:
            # It is not known to be on the disk, so the caller is told that it failed, and it must not count. That it
            # cannot be taken back is no news: then the disk takes nothing at all.
            with contextlib.suppress(OSError):
                self._disk.rename(made, writing)
            raise

    def tidy(self) -> None:
        """Remove what a change replaced, or left behind when it was cut off."""
        self._clear_writing()
        for number in self._list_generations()[:-1]:
            remove_tree(self._disk, self.folder / f"{_NAME}{number}")

    def is_tidy(self) -> bool:
        return not any(self._list_unfinished()) and len(self._list_generations()) < 2

    def _write_all(self, folder: Path, files: Mapping[str, bytes]) -> None:
        self._disk.make_folder(folder)
        below = sorted({(folder / name).parent for name in files} - {folder})
        for one in below:
            self._disk.make_folder(one)
        for name, data in files.items():
            write_file(self._disk, folder / name, data)
        for one in (*below, folder):
            sync_folder(self._disk, one)

    def _clear_writing(self) -> None:
        for unfinished in self._list_unfinished():
            if unfinished.is_dir():
                remove_tree(self._disk, unfinished)
            else:
                self._disk.remove(unfinished)

    def _list_unfinished(self) -> list[Path]:
        """A generation's folder; a back-up of what was to be replaced."""
        return [one for one in (self.folder / _WRITING, *self.folder.glob(f".*.{_WRITING}")) if one.exists()]

    def _list_generations(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        numbers = (one.name.removeprefix(_NAME) for one in self.folder.iterdir() if one.name.startswith(_NAME))
        return sorted(int(number) for number in numbers if number.isascii() and number.isdigit())


def _list_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _read_start(file: Path) -> bytes:
    """At most :data:`MOST_BYTES` and one more, so that a checksum of what is longer never fits."""
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        return stream.read(MOST_BYTES + 1)
