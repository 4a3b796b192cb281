"""Labs as a person uses them, without booting: up, down, up again, two at once, killed, changed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.home import PEGASUS, Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.clear()


def up(home: Home, name: str, *more: str) -> str:
    return home.do("--site", str(PEGASUS), "lab", "up", name, "--no-boot", *more)


def test_up_plan_down_and_up_again(home: Home) -> None:
    said = up(home, "p")
    assert said.startswith("lab p is up: https://127.0.0.1:")
    assert f"  homeprod --site {PEGASUS} --lab p plan\n" in said
    assert {change["action"] for change in home.plan("p")["changes"]} >= {"create"}
    url, secret = home.status("p")["url"], (home.lab("p") / "token").read_text()
    daemon = home.daemon("p")
    assert "lab p is up already" in up(home, "p")
    assert home.daemon("p") == daemon

    assert "is down; its disks are kept" in home.do("lab", "down", "p")
    assert not daemon.is_alive()
    assert home.status("p")["is_up"] is False
    assert "lab p is not up" in home.run("--site", str(PEGASUS), "--lab", "p", "plan").stderr

    assert "lab p is up: " in home.do("lab", "up", "p")  # without a site it is as it was, --no-boot too
    again = home.status("p")
    assert (again["url"], again["boots"]) == (url, False)
    assert (home.lab("p") / "token").read_text() == secret
    assert set(again["stand_ins"].values()) == {"debian-13"}

    home.do("lab", "down", "p", "--disks")
    assert not home.lab("p").exists()
    assert home.run("lab", "down", "p").returncode == 1


def test_a_lab_without_a_site_is_a_plain_one(home: Home) -> None:
    home.do("lab", "up", "plain", "--no-boot")
    assert json.loads((home.lab("plain") / "lab.json").read_text())["nodes"] == ["pve"]


def test_two_at_once(home: Home) -> None:
    up(home, "one")
    up(home, "two")
    assert home.status("one")["url"] != home.status("two")["url"]
    listed = json.loads(home.do("lab", "status", "--json"))
    assert [(lab["name"], lab["is_up"]) for lab in listed] == [("one", True), ("two", True)]
    home.do("lab", "down", "one")
    assert home.plan("two")["changes"]
    assert home.do("lab", "status").splitlines()[1:] == [
        "one   down   0         0        –",
        f"two   up     0         0        {home.status('two')['url']}",
    ]


def test_a_killed_lab_comes_back(home: Home) -> None:
    up(home, "p")
    url, daemon = home.status("p")["url"], home.daemon("p")
    os.kill(daemon.pid, signal.SIGKILL)
    assert daemon.wait(10)
    assert home.status("p")["is_up"] is False
    up(home, "p")
    assert home.status("p")["url"] == url
    assert home.plan("p")["changes"]


def test_a_killed_lab_can_be_taken_down(home: Home) -> None:
    up(home, "p")
    os.kill(home.daemon("p").pid, signal.SIGKILL)
    home.do("lab", "down", "p", "--disks")
    assert not home.lab("p").exists()


def test_an_interrupted_up_is_taken_up(home: Home) -> None:
    """What a killed ``up`` leaves at any point: a folder, a description, a process that nobody waited for."""
    home.lab("p").mkdir(parents=True)
    (home.lab("p") / "lock").touch()
    up(home, "p")
    (home.lab("p") / "daemon.json").unlink()
    daemon = home.daemon("p")
    assert "lab p is up: " in up(home, "p")
    assert not daemon.is_alive()


def test_a_changed_lab_is_restarted_and_stays_the_same_lab(home: Home) -> None:
    home.do("lab", "up", "p", "--no-boot")
    secret = (home.lab("p") / "token").read_text()
    assert "lab p is up: " in up(home, "p")
    assert home.plan("p")["changes"]
    assert (home.lab("p") / "token").read_text() == secret


def test_the_callers_token_stays_out_of_the_labs_process(home: Home) -> None:
    up(home, "p")
    environment = Path(f"/proc/{home.daemon('p').pid}/environ").read_bytes()
    assert b"canary" not in environment
    assert b"PATH=" in environment


def test_a_lab_that_cannot_start_says_why(home: Home) -> None:
    up(home, "p")
    home.do("lab", "down", "p")
    (home.lab("p") / "pools.json").write_text("{")
    done = home.run("lab", "up", "p")
    assert done.returncode == 1
    assert "the lab's process did not begin to answer" in done.stderr
    assert "daemon.out" in done.stderr
    assert "JSONDecodeError" in (home.lab("p") / "daemon.out").read_text()
