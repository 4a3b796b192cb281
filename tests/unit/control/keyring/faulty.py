"""A disk that fails at one operation, or loses power there and keeps what a real one would then still have."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from homeprod.control.keyring.disk import Disk

T = TypeVar("T")
REFUSED = "refused"
"""The operation fails, as on a full or broken disk; whatever comes later works."""
KEPT = "kept"
"""Power goes; all that was done is on the disk."""
LOST = "lost"
"""Power goes; nothing is on the disk but what was synced: names, contents, removals."""
HOLLOW = "hollow"
"""Power goes; names are on the disk, contents that were not synced are not."""
FAULTS = (REFUSED, KEPT, LOST, HOLLOW)


class PowerCut(BaseException):
    """No handler of the program under test gets to do anything about it."""


@dataclass
class _Effect:
    """Something that was done and not synced; ``place`` is the folder or file whose sync makes it last."""

    place: Path
    undo: Callable[[], object]
    is_content: bool = False


@dataclass
class FaultyDisk(Disk):
    """Fails at operation number ``at`` (from 0): before its effect, or after it."""

    at: int = -1
    fault: str = KEPT
    is_after: bool = False
    count: int = 0
    is_off: bool = False
    _effects: list[_Effect] = field(default_factory=list)
    _handles: dict[int, Path] = field(default_factory=dict)

    def _operate(self, act: Callable[[], T]) -> T:
        if self.is_off:
            raise PowerCut
        is_here = self.count == self.at
        self.count += 1
        if is_here and not self.is_after:
            self._fail()
        done = act()
        if is_here and self.is_after:
            self._fail()
        return done

    def _fail(self) -> None:
        if self.fault == REFUSED:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.is_off = True
        for effect in reversed(self._effects):
            if self.fault == LOST or (self.fault == HOLLOW and effect.is_content):
                effect.undo()
        raise PowerCut

    def _note(self, place: Path, undo: Callable[[], object], *, is_content: bool = False) -> None:
        self._effects.append(_Effect(place, undo, is_content))

    def make_folder(self, folder: Path) -> None:
        def act() -> None:
            super(FaultyDisk, self).make_folder(folder)
            self._note(folder.parent, lambda: shutil.rmtree(folder))  # what is in a lost folder is lost

        self._operate(act)

    def create(self, file: Path) -> int:
        def act() -> int:
            handle = super(FaultyDisk, self).create(file)
            self._handles[handle] = file
            self._note(file.parent, file.unlink)
            return handle

        return self._operate(act)

    def open_folder(self, folder: Path) -> int:
        def act() -> int:
            handle = super(FaultyDisk, self).open_folder(folder)
            self._handles[handle] = folder
            return handle

        return self._operate(act)

    def write(self, handle: int, data: bytes) -> int:
        """Never all of it at once."""

        def act() -> int:
            file = self._handles[handle]
            self._note(file, lambda: file.write_bytes(b""), is_content=True)
            return super(FaultyDisk, self).write(handle, data[: len(data) // 2 + 1])

        return self._operate(act)

    def sync(self, handle: int) -> None:
        def act() -> None:
            self._effects = [effect for effect in self._effects if effect.place != self._handles[handle]]

        self._operate(act)

    def close(self, handle: int) -> None:
        """Not an operation that can lose anything; handles are closed by the kernel when power goes."""
        super().close(handle)

    def rename(self, old: Path, new: Path) -> None:
        def act() -> None:
            before = new.read_bytes() if new.is_file() else None
            super(FaultyDisk, self).rename(old, new)

            def undo() -> None:
                new.rename(old)
                if before is not None:
                    new.write_bytes(before)

            self._note(new.parent, undo)

        self._operate(act)

    def remove(self, file: Path) -> None:
        def act() -> None:
            data = file.read_bytes()
            super(FaultyDisk, self).remove(file)
            self._note(file.parent, lambda: file.write_bytes(data))

        self._operate(act)

    def remove_folder(self, folder: Path) -> None:
        def act() -> None:
            super(FaultyDisk, self).remove_folder(folder)
            self._note(folder.parent, folder.mkdir)

        self._operate(act)
