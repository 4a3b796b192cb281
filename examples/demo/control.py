"""The control node in the demo: bootstrapped, published, unlocked, and its runs waited for."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable

from demo.machine import ADMINISTRATOR, NODE
from demo.person import Person
from demo.repositories import Repositories, make_secret
from demo.stage import LAB, DemoError, Stage, tell

from homeprod.lab.folder import find_folder

PUBLIC = "/var/lib/ansible/public.json"
LIMIT = 2400.0
"""Seconds for Ansible, under emulation."""
SILENCE = 30.0
"""Seconds without a word, after which it is said what is waited for."""


def begin_repositories(stage: Stage) -> None:
    open_repositories(stage).make()


def open_repositories(stage: Stage) -> Repositories:
    return Repositories(stage, find_folder(LAB).keys)


def begin_control_node(stage: Stage) -> None:
    """New → Locked → Ready; a node that is further already is left as it is."""
    person = Person(stage, find_folder(LAB).keys)
    wait_for_state(stage, "New", "Locked", "Ready")
    if read_state(stage) == "New":
        person.bootstrap()
    stage.homeprod("control", "publish", "--yes")
    public = json.loads(stage.run_in(NODE, ADMINISTRATOR, f"cat {PUBLIC}"))
    open_repositories(stage).authorize(public["deploy"])
    if read_state(stage) == "Locked":
        person.unlock()
    stage.homeprod("control", "status")


def wait_for_state(stage: Stage, *wanted: str) -> None:
    """Until it is one of them. Raises DemoError."""
    deadline, told = time.monotonic() + LIMIT, ""
    while (state := read_state(stage)) not in wanted:
        if time.monotonic() > deadline:
            raise DemoError(f"{NODE} is {state}, not {' or '.join(wanted)}, after {LIMIT:.0f} s")
        if state != told:
            tell(f"  {NODE} is {state}")
            told = state
        time.sleep(3)
    tell(f"  {NODE} is {state}")


def read_state(stage: Stage) -> str:
    return str(json.loads(stage.ask_any("control", "status", "--json")).get("state", "unreachable"))


def deliver_secret(stage: Stage) -> str:
    """Make one, have the node encrypt it, and push it to the vault repository. Its SHA-256."""
    secret = make_secret()
    command = "homeprod control secret encrypt lab --name demo_secret"
    text = stage.run_in(NODE, ADMINISTRATOR, command, given=secret)
    open_repositories(stage).keep_secret(text)
    return hashlib.sha256(secret.encode()).hexdigest()


def ring_for_idle(stage: Stage, hosts: Iterable[str]) -> None:
    """Apply rings for what it makes or changes; where it had nothing to do, a person rings."""
    waiting = {host["name"] for host in json.loads(stage.ask("control", "hosts", "--json"))["hosts"] if host["waits"]}
    for host in sorted(set(hosts) - waiting):
        stage.homeprod("configure", host)


def wait_for_runs(stage: Stage, hosts: Iterable[str]) -> None:
    """Until the last run of each was successful. Raises DemoError where one failed for good."""
    waiting, began, told = set(hosts), time.monotonic(), 0.0
    deadline = began + LIMIT
    while waiting:
        if time.monotonic() - began - told > SILENCE:
            told = time.monotonic() - began
            tell(f"  {', '.join(sorted(waiting))}: still under way, {told:.0f} s")
        listed = json.loads(stage.ask("control", "hosts", "--json"))["hosts"]
        for host in listed:
            if host["name"] in waiting and host["state"] == "failed":
                raise DemoError(f"the run of {host['name']} failed: {host.get('problem', '')}")
            if host["name"] in waiting and not host["waits"]:
                waiting.discard(host["name"])
                tell(f"  {host['name']} is configured")
        if waiting and time.monotonic() > deadline:
            raise DemoError(f"not configured within {LIMIT:.0f} s: {', '.join(sorted(waiting))}")
        time.sleep(2 if waiting else 0)
    stage.homeprod("runs")
