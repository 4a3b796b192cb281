"""`make demo-control`: the control node is rebooted, and made again; each time it is Locked, and nothing is lost."""

from __future__ import annotations

import time

from demo.control import wait_for_runs, wait_for_state
from demo.machine import ADMINISTRATOR, NODE, REST
from demo.person import Person
from demo.stage import LAB, DemoError, Stage

from homeprod.lab.folder import find_folder

HOST = "lab-proxy"


def play_comeback(stage: Stage) -> None:
    """Raises DemoError where `make demo` has not come to its end before."""
    if not stage.boots:
        raise DemoError("this needs machines that boot; run it as root, after make demo")
    stage.lab("up", LAB)
    person = Person(stage, find_folder(LAB).keys)
    with stage.step("the control node is rebooted"):
        stage.run_in(NODE, ADMINISTRATOR, "sudo systemd-run --on-active=1 systemctl reboot")
        time.sleep(5)  # it is not off yet
        wait_for_state(stage, "Locked")
        stage.homeprod("control", "status", allowed=(2,))
    with stage.step("a ring while it is Locked", "it is kept as a wish, and is no run: exit 3"):
        stage.homeprod("configure", HOST, allowed=(3,))
    with stage.step("unlocked", "and the host that waited is configured"):
        person.unlock()
        wait_for_runs(stage, (HOST,))
    with stage.step("the control node is destroyed and made again", "its keys lie on its data VM's disk"):
        stage.homeprod("destroy", NODE, "--yes")
        stage.apply(NODE)
    with stage.step("bootstrap takes the keyring over"):
        person.bootstrap()
        person.unlock()
        wait_for_state(stage, "Ready")
    with stage.step("the same machines, by the same keys"):
        stage.homeprod("configure", HOST)
        wait_for_runs(stage, (HOST,))
    with stage.step("the machines of prod", "by the other environment's keys and branch"):
        stage.apply()
        wait_for_runs(stage, REST)
        for name, user in REST.items():
            stage.log_in(name, user)
    with stage.step("the plan", "nothing may be left to do"):
        stage.homeprod("plan")
    stage.show_table()
