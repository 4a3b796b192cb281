"""The control node in the demo: bootstrapped, published, unlocked, and its runs waited for."""

from __future__ import annotations

import hashlib
import json
import textwrap
import time
from collections.abc import Iterable

from demo.machine import ADMINISTRATOR, NODE
from demo.person import Person
from demo.repositories import Repositories, ensure_password, make_secret
from demo.stage import LAB, DemoError, Stage, tell

from homeprod.lab.folder import find_folder

PUBLIC = "/var/lib/ansible/public.json"
LIMIT = 2400.0
"""Seconds for Ansible, under emulation."""
SILENCE = 30.0
"""Seconds without a word, after which it is said what is waited for."""
_PAUSE = 10.0
"""Seconds between two looks: each of them is work for the node, which emulation makes dear."""


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
    """Have the node encrypt it, and push it to the vault repository; its SHA-256."""
    secret = make_secret()
    open_repositories(stage).keep_secret("lab-proxy", encrypt(stage, "demo_secret", secret))
    return hashlib.sha256(secret.encode()).hexdigest()


def deliver_app_secrets(stage: Stage) -> None:
    repositories = open_repositories(stage)
    tell("the deploy key of lab-coder's apps, and a password for one of them, by the vault repository")
    password = f"/private:sean:{ensure_password(find_folder(LAB).keys)}"
    of_app = textwrap.indent(encrypt(stage, "passwords", password), "    ")
    of_host = encrypt(stage, "app_host_deploy_key", repositories.read_deploy_key())
    repositories.keep_secret("lab-coder", f"{of_host}app_secrets:\n  clock:\n{of_app}")


def encrypt(stage: Stage, name: str, value: str) -> str:
    """Vault text, as the YAML variable of that name."""
    command = f"homeprod control secret encrypt lab --name {name}"
    return f"{stage.run_in(NODE, ADMINISTRATOR, command, given=value).rstrip()}\n"


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
        time.sleep(_PAUSE if waiting else 0)
    stage.homeprod("runs")
