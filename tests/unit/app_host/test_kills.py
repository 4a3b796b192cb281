"""Killed in the middle of each step: the next run repairs, and ends with the new revision, whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kept_host import HARBORMASTER, PROGRAM, KeptHost, compose

_DIES_AT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from homeprod_apps import docker, git, harbormaster, process
from homeprod_apps.__main__ import main

def run(argv, *rest, **more):
    is_it = sys.argv[2] in " ".join(argv)
    done = process.run(argv, *rest, **more)
    if is_it:
        os.kill(os.getpid(), 9)
    return done

docker.run = git.run = harbormaster.run = run
main(["--settings", sys.argv[3], "run"])
"""
"""What it does is done, and then it is killed."""
STEPS = ("update-ref refs/homeprod/accepted", "update-ref refs/heads/deploy/lab-coder/wiki", "harbormaster.pyz run")
MORE_STEPS = ("fetch --quiet", "checkout-index", "pull --ignore-buildable")
_SHIM = """#!/bin/sh
# Kills Harbormaster, who started it, and whatever it had started.
PATH=$(printf %s "$PATH" | sed 's|^[^:]*:||')
case " $* " in *"{word}"*)
    {act}
    leader=$(ps -o sid= -p $$ | tr -d ' '); kill -9 $leader $(ps -o ppid= -p $leader); kill -9 -- -$leader;;
esac
exec docker "$@"
"""
INSIDE = {"before it stops": ("ps --services", ""), "when it has stopped": ("up --remove-orphans", "")}
MORE_INSIDE = {
    "while it stops": ("down", ""),
    "when it has started": ("up --remove-orphans", 'docker "$@" --pull missing'),
}


@pytest.mark.parametrize("steps", [STEPS, pytest.param(MORE_STEPS, marks=pytest.mark.soak)], ids=["", "more"])
def test_killed_at_each_step(host: KeptHost, steps: tuple[str, ...]) -> None:
    start(host)
    for step in steps:
        newer = host.publish("wiki", compose("web", "db", note=step, labels={"word": step}))
        done = host.machine.try_to("python3", "-c", _DIES_AT, PROGRAM, step, f"{host.inside}/apps.json")
        assert done.returncode == -9, step
        expect(host, newer, step)


@pytest.mark.parametrize("steps", [INSIDE, pytest.param(MORE_INSIDE, marks=pytest.mark.soak)], ids=["", "more"])
def test_killed_while_harbormaster_works(host: KeptHost, steps: dict[str, tuple[str, str]]) -> None:
    start(host)
    programs = host.folder / "programs"
    (programs / "bin").mkdir(parents=True)
    (programs / "harbormaster.pyz").write_bytes(
        (host.machine.folder / "programs" / Path(HARBORMASTER).name).read_bytes()
    )
    for step, (word, act) in steps.items():
        (programs / "bin/docker").write_text(_SHIM.format(word=word, act=act))
        (programs / "bin/docker").chmod(0o755)
        newer = host.publish("wiki", compose("web", "db", note=step, labels={"word": step}))
        host.settings["programs"] = f"{host.inside}/programs"
        assert host.call("run").returncode == -9, step
        assert host.machine.try_to("pgrep", "-f", "harbormaster.pyz").returncode == 1, "it is dead, not at work yet"
        del host.settings["programs"]
        expect(host, newer, step)


def start(host: KeptHost) -> None:
    host.publish("wiki", compose("web", "db"))
    host.configure({"wiki": {}})
    host.run()


def expect(host: KeptHost, commit: str, word: str) -> None:
    # Whoever was killed last may not be quite gone, and has the lock until then.
    host.machine.run("flock", f"{host.inside}/kept/lock", "true")
    wiki = host.run()["apps"]["wiki"]
    assert (wiki["state"], wiki["applied"]) == ("current", commit), word
    assert host.list_running().keys() == {"wiki-web-1", "wiki-db-1"}, word
    labels = [host.machine.inspect(name)["Config"]["Labels"]["word"] for name in host.list_running()]
    assert labels == [word, word]
