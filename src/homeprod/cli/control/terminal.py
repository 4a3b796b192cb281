"""The terminal itself, for what must never be a string: passphrases are read from /dev/tty, without echo, into a
bytearray that is zeroed after use. Standard input and output may be anything."""

from __future__ import annotations

import hmac
import os
import select
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from homeprod.core.errors import ControlError, DeclinedError

LIMIT = 1024
"""Bytes of a typed line; a terminal itself takes no more than 4095 at once (termios(3), canonical mode)."""
LOOK_EVERY = 0.2
"""Seconds between two looks for an interruption."""


class Terminal:
    """``call`` is what a person types on the node to come here, to type ``what``. Raises ControlError where there is
    none."""

    def __init__(self, call: str, what: str = "a passphrase") -> None:
        try:
            self._tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            hint = f"run it in a terminal; over ssh ask for one:\n\n  ssh -t NODE {call}"
            raise ControlError(f"there is no terminal to type {what} on", hint=hint) from error

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._tty)

    def show(self, text: str) -> None:
        """Here and nowhere else: not where standard output is led to."""
        self._write(text.encode() + b"\n")

    def show_secret(self, secret: bytearray) -> None:
        """The same for what is never made a string."""
        os.writev(self._tty, [b"  ", secret, b"\n"])

    def _write(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._tty, text) :]

    def read(self, prompt: str, *, is_echoed: bool = False) -> bytearray:
        """A line without its end. Raises DeclinedError where none comes, ControlError where it is too long."""
        line = bytearray(LIMIT)
        try:
            with self._silence() if not is_echoed else _nothing():
                self._write(prompt.encode())
                self._wait()
                count = os.readv(self._tty, [line])
                if not is_echoed:
                    self._write(b"\n")
            return _cut(line, count)
        finally:
            line[:] = bytes(LIMIT)

    def _wait(self) -> None:
        """Until something was typed. A read alone would miss a Ctrl-C just before it, till the next key."""
        while not select.select([self._tty], [], [], LOOK_EVERY)[0]:
            pass

    def read_new(self, what: str, check: Callable[[bytearray], object]) -> bytearray:
        """Typed twice. Raises ControlError where the two differ, and what ``check`` raises before it is typed
        again."""
        first = self.read(f"{what}: ")
        try:
            check(first)
            second = self.read(f"{what}, once more: ")
            is_same = hmac.compare_digest(first, second)
            second[:] = bytes(len(second))
            if not is_same:
                raise ControlError("the two passphrases differ; nothing was done", hint="run it again")
        except BaseException:
            first[:] = bytes(len(first))
            raise
        return first

    @contextmanager
    def _silence(self) -> Iterator[None]:
        """No echo. What was typed before the prompt is thrown away, as `sudo` does."""
        before = termios.tcgetattr(self._tty)
        silent = termios.tcgetattr(self._tty)
        silent[3] &= ~(termios.ECHO | termios.ECHONL)
        termios.tcsetattr(self._tty, termios.TCSAFLUSH, silent)
        try:
            yield
        finally:
            termios.tcsetattr(self._tty, termios.TCSAFLUSH, before)


def _cut(line: bytearray, count: int) -> bytearray:
    if count == 0:
        raise DeclinedError("the terminal ended; nothing was done")
    if count == LIMIT and line[count - 1] != ord("\n"):
        raise ControlError(f"that line has more than {LIMIT - 1} bytes; nothing was done", hint="take a shorter one")
    return line[: count - 1] if line[count - 1] == ord("\n") else line[:count]


@contextmanager
def _nothing() -> Iterator[None]:
    yield
