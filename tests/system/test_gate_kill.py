"""kill -9 of a whole daemon at random moments of a roll-out: the next one goes on, and no host goes before its turn.

HOMEPROD_GATE_KILLS says how often (5).
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.control.promotion.gated import HOSTS, ORDER, Life, Site, begin

KILLS = int(os.environ.get("HOMEPROD_GATE_KILLS", "5"))
_ROOT = Path(__file__).parents[2]
_DAEMON = str(Path(__file__).with_name("gated_daemon_process.py"))


def start(site: Site, room: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "PYTHONPATH": paths, "RUNTIME_DIRECTORY": str(room)}
    argv = [sys.executable, _DAEMON, str(site.folder / "places.json"), str(room)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)


def read(site: Site, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(site.places.database, timeout=30)) as connection:
        return connection.execute(statement).fetchall()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


@pytest.mark.slow
def test_a_daemon_that_is_killed_amid_a_roll_out_goes_on_where_it_stood(tmp_path: Path) -> None:
    site, room = Site.make(tmp_path / "site"), tmp_path / "room"
    room.mkdir()
    site.clock.seconds = time.time() - 3600
    site.places.settings.write_text(site.settings.model_dump_json())
    site.places.write(site.folder / "places.json")

    async def prepare(life: Life) -> None:
        site.change("proxy", "web", "mail")
        site.try_on(*HOSTS)

    begin(site, prepare)
    rng = random.Random(int(os.environ.get("HOMEPROD_SEED", "1")))  # noqa: S311 (moments, no secrets)
    for _ in range(KILLS):
        process = start(site, room)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        time.sleep(rng.uniform(0, 0.8))
        end(process)
        states = [state for (state,) in read(site, "SELECT state FROM stages ORDER BY place")]
        assert states == sorted(states, key=("done", "running", "waiting").index), "nobody goes before its turn"
    process = start(site, room)
    try:
        deadline = time.monotonic() + 60
        while read(site, "SELECT count(*) FROM stages WHERE state = 'done'") != [(len(HOSTS),)]:
            assert time.monotonic() < deadline, read(site, "SELECT host, state, problem FROM stages")
            time.sleep(0.1)
    finally:
        end(process)
    ours = {str(number) for (number,) in read(site, "SELECT id FROM runs WHERE rung_by = 'promotion'")}
    notes = [line.split() for line in (room / "notes").read_text().splitlines()]
    begun = [host for word, host, run in notes if word == "begin" and run in ours]
    assert list(dict.fromkeys(begun)) == list(ORDER)
    assert {revision for (revision,) in read(site, "SELECT applied_revision FROM hosts")} == {site.head}
