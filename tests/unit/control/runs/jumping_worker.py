"""A real worker whose wall clock jumps amid the play: `python jumping_worker.py SECONDS`.

Python's own view of it, in every process that the worker forks: the machine's clock is everybody's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from homeprod.control.runs.job import Job
from homeprod.control.runs.play import play
from homeprod.control.runs.worker import Send, Word, work

JUMP = float(sys.argv[1])
AMID = 0.5
"""Seconds from the play's beginning."""
_wall = time.time


def play_amid_a_jump(job: Job, folder: Path, send: Send) -> Word:
    begin = time.monotonic()
    time.time = lambda: _wall() + (JUMP if time.monotonic() - begin > AMID else 0)
    return play(job, folder, send)


if __name__ == "__main__":
    work(lambda: play_amid_a_jump)
