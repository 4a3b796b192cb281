"""What goes over one way to a git server: connections and bytes, counted by a process that passes them on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")


@dataclass(frozen=True)
class Traffic:
    requests: int
    bytes: int

    def __sub__(self, before: Traffic) -> Traffic:
        return Traffic(self.requests - before.requests, self.bytes - before.bytes)


class Relay:
    """To ``target``; ``port`` is where it listens. ``argv`` starts it, where that is not here."""

    def __init__(self, target: int, argv: Sequence[str] = (sys.executable, str(RELAY))) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen((*argv, str(target)), stdin=pipe, stdout=pipe, text=True)
        self.port = int(self._read_line())

    def read(self) -> Traffic:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Traffic(**json.loads(self._read_line()))

    def close(self) -> None:
        self._process.communicate()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()
