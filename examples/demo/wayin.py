"""`make demo-entry`: names of every kind asked for from outside, and a route changed while others are served."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.control import open_repositories, wait_for_runs
from demo.entry import NAME, find_ends, find_root, open_gateway
from demo.machine import REST
from demo.stage import LAB, PROGRAM, DemoError, Stage, replace_once, tell

PROXIES = ("lab-proxy", "prod-proxy-passthrough", "prod-proxy")
NEW = "hello.pegasuspad.com"
KINDS = {
    NAME: ("a name of the lab", "lab"),
    "git.pegasuspad.com": ("a name of prod", "prod"),
    "sean.coder.pegasuspad.com": ("a name that a wildcard has", "prod"),
    "unknown.example": ("a name that nothing here serves", ""),
}
"""Names, what each is, and whose authority signs for it."""
_CERTIFICATE, _OF_NEW = (f'Certificate(names=("{name}",), by="site-ca")' for name in ("*.lab.pegasuspad.com", NEW))
_ROUTE, _TO_LAB = (f'Route("{name}", to="lab-proxy")' for name in ("*.lab.pegasuspad.com", NEW))
CHANGES = (
    (f"({_CERTIFICATE},)", f"({_CERTIFICATE}, {_OF_NEW})"),
    (f'names=("{NAME}",)', f'names=("{NAME}", "{NEW}")'),
    (f"({_ROUTE},)", f"({_ROUTE}, {_TO_LAB})"),
)
"""What a person would type in `modules/_entry.py`: a name that prod-proxy knew nothing of becomes lab-proxy's."""


def play_entry(stage: Stage) -> None:
    """Raises DemoError where `make demo` has not come to its end before."""
    if not stage.boots:
        raise DemoError("this needs machines that boot; run it as root, after make demo")
    stage.require_ungated()
    stage.lab("up", LAB)
    with stage.step("the other proxy", "made, booted and configured, where it is not yet"):
        stage.apply("lab-ansible", "lab-coder", *PROXIES)
        wait_for_runs(stage, REST)
        open_gateway(stage)
    for name, (kind, _) in KINDS.items():
        with stage.step(kind, name):
            compare(stage, name)
    with stage.step("a route is changed by a commit", f"{NEW} goes to lab-proxy, while others are asked for"):
        with keep_asking(stage) as askers:
            change_route(stage)
            told = json.loads(askers.communicate("", timeout=120)[0])
        tell(f"asked meanwhile: {told['asked']}")
        if told["failed"]:
            raise DemoError(f"{len(told['failed'])} requests failed: {told['failed'][:5]}")
        compare(stage, NEW)
    stage.show_table()


def compare(stage: Stage, name: str) -> None:
    """What the table says of a name, and what comes. Raises DemoError where the two are not the same."""
    answer = json.loads(stage.ask("route", "explain", f"https://{name}/", "--json"))["way"]["answer"]
    stage.homeprod("route", "explain", f"https://{name}/")
    gateway, client = find_ends()
    environment = KINDS.get(name, ("", "lab"))[1]
    trust = ["--cacert", str(find_root(stage, environment))] if environment else ["--insecure"]
    told = stage.ask_from_outside(
        f"https://{name}/", *trust, "--resolve", f"{name}:443:{gateway}", "--write-out", "%{http_code}"
    )
    body, status = told[:-3], int(told[-3:])
    if answer["service"] is None:
        if status != answer["status"]:
            raise DemoError(f"{name}: the table says {answer['status']}, and {status} came")
    elif status != 200 or json.loads(body)["client"] != client:
        raise DemoError(f"{name}: the table says it reaches {answer['service']}; {status} came: {body.strip()}")
    tell("as the table says")


def change_route(stage: Stage) -> None:
    replace_once(stage.site / "modules" / "_entry.py", *CHANGES)
    stage.homeprod("route", "test")
    repositories = open_repositories(stage)
    stage.homeprod("render", "--to", str(repositories.playbooks))
    repositories.commit(repositories.playbooks, f"{NEW} goes to lab-proxy")
    repositories.push(repositories.playbooks)
    for host in PROXIES[:2]:  # first who serves the name, then who leads there
        stage.homeprod("configure", host)
        wait_for_runs(stage, (host,))


@contextmanager
def keep_asking(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """For the lab's name, outside, until it is told that it is over."""
    script, root = Path(__file__).with_name("askers.py"), find_root(stage, "lab")
    argv = [str(PROGRAM), "lab", "outside", LAB, sys.executable, str(script), find_ends()[0], str(root), NAME]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as askers:
        try:
            yield askers
        finally:
            if askers.poll() is None:
                askers.kill()
