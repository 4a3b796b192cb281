"""A dialogue with a program that wants a terminal: it gets one at its own end, and is answered as a person would."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType

from homeprod.core.errors import ControlError

LIMIT = 600.0
"""Seconds for a program's next word: making and opening a keyring is work where a machine is emulated."""
_SECRET = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")
_LINES = 3
"""Of what was said last, that an error shows."""


class Dialogue:
    """``what`` is called in errors. As a context manager it leaves nothing running."""

    def __init__(self, argv: Sequence[str], what: str, limit: float = LIMIT) -> None:
        self._what, self._limit = what, limit
        self._said = ""
        self._heard = ""
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def expect(self, *patterns: str) -> re.Match[str]:
        """Until one of them was said, the first of them that was; what came before is done with. Raises
        ControlError."""
        deadline = time.monotonic() + self._limit
        while True:
            for pattern in patterns:
                if found := re.search(pattern, self._heard):
                    self._heard = self._heard[found.end() :]
                    return found
            if not self._listen(deadline):
                raise self._fail(f"it ended with {self._process.wait()}")

    def send(self, text: str) -> None:
        """As a line that is typed. Raises ControlError where nobody listens any more."""
        assert self._process.stdin is not None  # noqa: S101 (as it was begun)
        try:
            self._process.stdin.write(f"{text}\n".encode())
        except BrokenPipeError:
            raise self._fail("it ended before it was answered") from None

    def finish(self) -> None:
        """Until it has ended well. Raises ControlError."""
        deadline = time.monotonic() + self._limit
        while self._listen(deadline):
            pass
        if code := self._process.wait():
            raise self._fail(f"it ended with {code}")

    def _listen(self, deadline: float) -> bool:
        """Whether something was heard. Raises ControlError where nothing comes."""
        assert self._process.stdout is not None  # noqa: S101 (as it was begun)
        ready, _, _ = select.select([self._process.stdout], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise self._fail(f"nothing came of it for {self._limit:.0f} s")
        heard = os.read(self._process.stdout.fileno(), 65536).decode(errors="replace").replace("\r", "")
        self._heard += heard
        self._said += heard
        return bool(heard)

    def _fail(self, reason: str) -> ControlError:
        lines = [line.strip() for line in _SECRET.sub("…", self._said).splitlines() if line.strip()]
        said = "; ".join(lines[-_LINES:])
        return ControlError(f"{self._what}: {reason}" + (f": {said}" if said else ""))
