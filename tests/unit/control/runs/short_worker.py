"""A worker with something short in place of Ansible: `python short_worker.py FOLDER`.

It notes in FOLDER when a run of a host begins and ends, and does what the playbook's name says.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeprod.control.runs.job import Job
from homeprod.control.runs.worker import work

NOTES = Path(sys.argv[1])


def note(job: Job, word: str) -> None:
    with (NOTES / "notes").open("a") as notes:
        notes.write(f"{word} {job.host} {job.run}\n")


def claim(job: Job, seconds: str) -> None:
    """Held by what the run starts, too: whoever comes while anything of an earlier run of the host lives, says so."""
    with (NOTES / f"{job.host}.claim").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(job, "overlap")
        subprocess.run(["sleep", seconds], check=False, pass_fds=[file.fileno()])


def play(job: Job, folder: Path, send: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    note(job, "begin")
    word, _, argument = job.playbook.partition(" ")
    send({"event": {"kind": "task", "task": word}})
    if word == "sleep":
        subprocess.run(["sleep", argument], check=False)
    if word == "detach":
        # As the masters of ControlPersist do: another session, and no parent that waits.
        subprocess.run(["setsid", "-f", "sleep", argument], check=True)
        subprocess.run(["sleep", argument], check=False)
    if word == "differ" and job.is_check:
        for number in range(int(argument)):
            send({"change": {"task": f"task {number}", "role": "base", "target": f"/etc/{number}", "diff": "-a\n+b"}})
    if word == "apps":
        send({"apps": json.loads(argument)})
    if word == "rush" and job.is_check:
        send({"event": {"kind": "dropped", "message": "7 events came too fast to be kept"}})
    if word == "away" and job.is_check:
        return {"status": "failed", "problem": "the host did not answer", "retry": True, "unreachable": True}
    if word == "claim":
        claim(job, argument)
    if word == "tell":
        for number in range(int(argument)):
            send({"event": {"kind": "ok", "message": f"{number}"}})
    if word == "mumble":
        send({"event": {"kind": "failed", "message": "not UTF-8: \udcfc"}})
        return {"status": "failed", "problem": "not UTF-8: \udcfc"}
    note(job, "end")
    return {"status": "failed", "problem": "it was told to"} if word == "fail" else {"status": "successful"}


if __name__ == "__main__":
    work(lambda: play)
