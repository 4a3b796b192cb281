"""The worker: one a run, `python -m homeprod.control.runs.worker`, with its channel as standard input.

Two processes. The *player* plays; the *warden* starts nothing but the player, so that when it finds no descendant
there is none: nobody could fork behind its back. When the channel's other end closes, by whatever cause, the warden
kills all that the run has started, removes the run's files and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeprod.control.runs.descendants import adopt_orphans, end_descendants, terminate_descendants
from homeprod.control.runs.job import Job
from homeprod.control.runs.workplace import clear_leftovers, find_room, take_workplace
from homeprod.control.trouble import tell_trouble
from homeprod.core.errors import ControlError

_GRACE = 3.0
"""Seconds that a play has to end by itself, once it was told to."""
_AGAIN = 0.2
"""Seconds until what was started meanwhile is told as well."""
Word = dict[str, Any]
Send = Callable[[Word], None]
Play = Callable[[Job, Path, Send], Word]
"""Plays in a folder of its own, sends what happens, and gives its last word: status, problem, retry."""


class Line:
    """The worker's end of the channel. A message is sent by one thread of one process at a time."""

    def __init__(self) -> None:
        # Standard input becomes empty at once: no child may hold the channel open, or read from it.
        self._socket = socket.socket(fileno=os.dup(0))
        self._socket.set_inheritable(False)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self._rest = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        """The next line, waited for; empty when the daemon is gone."""
        while b"\n" not in self._rest:
            try:
                part = self._socket.recv(65536)
            except OSError:
                part = b""
            if not part:
                return b""
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def send(self, message: Word) -> None:
        with contextlib.suppress(OSError):  # a daemon that is gone is noticed where it is listened to
            self._socket.sendall(json.dumps(message).encode() + b"\n")


class Warden:
    """Sees the player to its end: its own, the daemon's word, the limit, or the daemon's end."""

    def __init__(self, line: Line, player: int, last_words: int, limit_seconds: float) -> None:
        self._line = line
        self._player = player
        self._last_words = last_words
        self._deadline = time.monotonic() + limit_seconds
        self._reason = ""

    def attend(self) -> Word | None:
        """The run's last word, when nothing of it is left; None where the daemon is gone."""
        said = b""
        while True:
            ready = self._wait()
            if self._line in ready and not self._obey():
                return None
            if self._last_words in ready:
                part = os.read(self._last_words, 65536)
                said += part
                if not part:
                    return self._judge(said)
            if not ready and not self._hurry():
                return self._judge(b"")

    def _wait(self) -> list[Line | int]:
        seconds = max(self._deadline - time.monotonic(), 0)
        watched: list[Line | int] = [self._line, self._last_words]
        return select.select(watched, [], [], min(seconds, _AGAIN) if self._reason else seconds)[0]

    def _obey(self) -> bool:
        """False where the daemon is gone."""
        line = self._line.read()
        if line and json.loads(line).get("cancel"):
            self._stop("canceled")
        return bool(line)

    def _hurry(self) -> bool:
        """Nothing was heard: the player is told to end, and again; False where it had its time for that."""
        if self._reason and time.monotonic() >= self._deadline:
            return False
        self._stop("timeout")
        return True

    def _stop(self, reason: str) -> None:
        """What the player has started is told to end, so that the player can still tell of it."""
        if not self._reason:
            self._reason, self._deadline = reason, time.monotonic() + _GRACE
        terminate_descendants(spare=self._player)

    def _judge(self, said: bytes) -> Word:
        if self._reason:
            return {"status": self._reason}
        try:
            return dict(json.loads(said))
        except ValueError:
            return {"status": "failed", "problem": "the player was killed, or broke down; the journal may say why"}


def work(load: Callable[[], Play]) -> None:
    """One job, from its line to its last word; what plays it is loaded while the job is still being prepared."""
    line = Line()
    play = load()
    with contextlib.suppress(ControlError, OSError):  # where there is no room to be had, the run says so
        clear_leftovers(find_room())
    text = line.read()
    if not text:
        return  # the daemon was gone before it said anything
    job = Job.parse(text)
    adopt_orphans()
    try:
        with take_workplace(job.host, find_room()) as folder:
            last = _supervise(play, job, folder, line)
    except (ControlError, OSError) as error:
        last = _describe(error)
    if last is not None:
        line.send({"end": last})


def _supervise(play: Play, job: Job, folder: Path, line: Line) -> Word | None:
    reading, writing = os.pipe()
    player = os.fork()
    if player == 0:
        os.close(reading)
        _play_and_exit(play, job, folder, line, writing)
    os.close(writing)
    try:
        return Warden(line, player, reading, job.limit_seconds).attend()
    finally:
        end_descendants()
        os.close(reading)


def _play_and_exit(play: Play, job: Job, folder: Path, line: Line, writing: int) -> None:
    """In the player; never returns, so that nothing of the warden's is done twice."""
    try:
        last = play(job, folder, line.send)
    except (ControlError, OSError) as error:
        last = _describe(error)
    except BaseException:  # noqa: BLE001 (the process ends here)
        # What it was is for the journal; nothing of it goes to a person's eyes unredacted.
        os.write(2, b"homeprod: the player broke down\n")
        os._exit(1)
    os.write(writing, json.dumps(last).encode())
    os._exit(0)


def _describe(error: ControlError | OSError) -> Word:
    """Of the system's errors its own words alone: names of files may hold anything."""
    if isinstance(error, OSError):
        return {
            "status": "failed",
            "problem": f"the run's files cannot be kept on the control node: {error.strerror}",
        }
    return {"status": "failed", "problem": tell_trouble(error)}


def load_ansible() -> Play:
    """Here, not at the top: a worker with another play need not load what plays by Ansible."""
    from homeprod.control.runs.play import play

    return play


if __name__ == "__main__":
    work(load_ansible)
