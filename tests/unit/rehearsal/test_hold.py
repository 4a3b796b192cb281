"""The place for a rehearsal: always taken away again, by the next one at the latest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.unit.rehearsal.home import Home

from homeprod.core.errors import PromotionError
from homeprod.lab.folder import find_folder, list_labs
from homeprod.lab.life import bring_up
from homeprod.lab.process import ProcessMark
from homeprod.rehearsal.lab import hold_lab, name_lab
from homeprod.rehearsal.prospect import Prospect, prepare

KILLED = """
import signal, sys, time
from pathlib import Path
from homeprod.cli.interruption import end_as_interrupted
from homeprod.lab.life import bring_up
from homeprod.lab.spec import LabSpec
from homeprod.rehearsal.lab import hold_lab, name_lab
from homeprod.site.loader import load_site

site = load_site(Path(sys.argv[1]))
with end_as_interrupted(), hold_lab(site, lambda text: print(text, flush=True)) as (lab, scratch):
    bring_up(lab, LabSpec(lab.name, boot=False), lambda _: None)
    (scratch / "half").write_text("made")
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def prospect(home: Home) -> Prospect:
    return prepare(home.load(), home.playbooks, "HEAD", home.vault, "", ("prod-proxy",), boots=False)


def begin(home: Home) -> subprocess.Popen[str]:
    """A rehearsal whose lab is up, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen(
        (sys.executable, "-c", KILLED, str(home.site)), stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=60)
    return said


def find_daemon(home: Home) -> ProcessMark:
    mark = find_folder(name_lab(home.load())).find_daemon()
    assert mark is not None
    return mark


def fail(prospect: Prospect, said: list[str]) -> None:
    with hold_lab(prospect.site, said.append) as (folder, _):
        bring_up(folder, prospect.spec, said.append)
        raise RuntimeError


def test_whatever_ends_it_nothing_stays(home: Home, prospect: Prospect) -> None:
    said: list[str] = []
    with pytest.raises(RuntimeError):
        fail(prospect, said)
    assert said[-2:] == ["taking the stand-ins away", "removing the lab's disks"]
    assert not find_folder(name_lab(prospect.site)).path.exists()
    said.clear()
    with hold_lab(prospect.site, said.append) as (_, scratch):
        assert list(scratch.iterdir()) == []
    assert said == [], "nothing was there to be taken away"
    assert not scratch.exists()


def test_a_signal_ends_it_in_order_and_another_one_does_not_end_that(home: Home) -> None:
    process = begin(home)
    mark = find_daemon(home)
    process.terminate()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "taking the stand-ins away" in end(process)
    assert not mark.is_alive()
    assert list_labs() == []


def test_one_at_a_time_and_what_a_killed_one_left_is_taken_away_by_the_next(home: Home, prospect: Prospect) -> None:
    process = begin(home)
    mark = find_daemon(home)
    with (
        pytest.raises(PromotionError, match="another rehearsal of this site"),
        hold_lab(prospect.site, print),
    ):
        pass
    assert mark.is_alive(), "the other one is left alone"
    process.kill()
    end(process)
    assert mark.is_alive(), "the lab outlives who began it"
    said: list[str] = []
    with hold_lab(prospect.site, said.append) as (folder, scratch):
        assert said[0] == "taking away what an earlier rehearsal left"
        assert not mark.is_alive()
        assert not folder.path.exists()
        assert list(scratch.iterdir()) == []
