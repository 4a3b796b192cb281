"""A person at a real terminal, for tests of what is typed on the node."""

from __future__ import annotations

import os
import sys

import pexpect
from tests.keyholder_node import ME, KeyholderNode

LIMIT = 30


class Person:
    """Types; remembers all that the terminal showed."""

    def __init__(self, node: KeyholderNode, words: str) -> None:
        argv = ["-m", "homeprod", "control", *words.split(), "--places", str(node.places_file)]
        argv += ["--administrator", ME] if os.geteuid() == 0 else []
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), "TERM": "dumb", "NO_COLOR": "1"}
        self._child = pexpect.spawn(
            sys.executable,
            argv,
            timeout=LIMIT,
            encoding="utf-8",
            codec_errors="surrogateescape",  # a terminal may send any bytes
            env=env,
            dimensions=(50, 200),
        )
        self.seen = ""

    def answer(self, prompt: str, typed: str | bytes) -> None:
        self._child.expect_exact(prompt)
        self.seen += self._child.before + self._child.after
        self._child.waitnoecho(timeout=5) if isinstance(typed, bytes) else None
        self._child.sendline(typed if isinstance(typed, str) else typed.decode(errors="surrogateescape"))

    def interrupt(self, prompt: str) -> None:
        self._child.expect_exact(prompt)
        self._child.sendintr()

    def read_recovery(self) -> str:
        self._child.expect(r"AGE-SECRET-KEY-1\w+")
        self.seen += self._child.before
        return str(self._child.after)

    def end(self) -> int:
        self._child.expect(pexpect.EOF)
        self.seen += self._child.before
        self._child.close()
        assert self._child.signalstatus is None
        return int(self._child.exitstatus)


def environment() -> dict[str, str]:
    """Of a program that is called without a terminal."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), "SUDO_USER": ME}
