"""A person at a terminal: programs of the control node, answered on a pseudo-terminal as one would."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path

import pexpect
from demo.stage import LAB, PROGRAM, DemoError, Stage, tell

NODE = "lab-ansible"
USER = "ops"
LIMIT = 600
"""Seconds for a program's next word: making and opening a keyring is work under emulation."""
RECOVERY = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")


class _Screen:
    """What a person sees goes where ours goes, but for what belongs on paper alone."""

    def write(self, text: str) -> None:
        sys.stdout.write(RECOVERY.sub("AGE-SECRET-KEY-1… (a person writes it on paper now)", text))

    def flush(self) -> None:
        sys.stdout.flush()


class Person:
    """``ops``, who administers lab-ansible. The passphrase is made once, and kept in the lab's folder (0600): it is
    the demo's own, and goes with the lab."""

    def __init__(self, stage: Stage, keys: Path) -> None:
        self._stage = stage
        self._file = keys / "ops.passphrase"

    def bootstrap(self) -> str:
        """What was printed: the keys and their fingerprints."""
        program = self._run("bootstrap")
        if program.expect(["new passphrase: ", "taken over"]) == 0:
            passphrase = self._make_passphrase()
            program.sendline(passphrase)
            program.expect("once more: ")
            program.sendline(passphrase)
            program.expect(RECOVERY)
            end = program.after[-6:]
            program.expect("last 6 characters: ")
            program.sendline(end)
        return self._end(program)

    def unlock(self) -> str:
        program = self._run("unlock")
        program.expect("passphrase: ")
        program.sendline(self._file.read_text())
        return self._end(program)

    def make_authority(self, environment: str, *zones: str) -> None:
        program = self._run(f"homeprod control authority make --yes {environment} {' '.join(zones)}")
        program.expect("passphrase: ")
        program.sendline(self._file.read_text())
        self._end(program)

    def lock(self) -> str:
        return self._end(self._run("lock"))

    def _make_passphrase(self) -> str:
        self._file.touch(mode=0o600)
        self._file.write_text("-".join(secrets.token_hex(3) for _ in range(5)))
        tell(f"the passphrase is the demo's own; to unlock {NODE} by yourself, read it in\n  {self._file}")
        return self._file.read_text()

    def _run(self, word: str) -> pexpect.spawn[str]:
        tell(f"$ ssh -t {NODE} {word}")
        arguments = ["--site", str(self._stage.site), "lab", "ssh", "--tty", "--user", USER, LAB, NODE, word]
        program = pexpect.spawn(str(PROGRAM), arguments, encoding="utf-8", timeout=LIMIT, echo=False)
        program.logfile_read = _Screen()
        return program

    def _end(self, program: pexpect.spawn[str]) -> str:
        program.expect(pexpect.EOF)
        program.close()
        if program.exitstatus:
            raise DemoError(f"it ended with {program.exitstatus}")
        return str(program.before)
