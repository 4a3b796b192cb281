"""What a person sees of drift: through the real program and a real door over TLS, with findings of the test's."""

from __future__ import annotations

import json

from tests.door import make_wish
from tests.reference_schema import open_validator
from tests.system.test_control_verbs import Home
from tests.system.test_control_verbs import home as home

from homeprod.control.hosts.condition import DriftTask, Finding
from homeprod.control.hosts.host import RunStatus

MOTD = DriftTask("the message of the day", "base", "/etc/motd", "/etc/motd\n-\x1b[2Jold\n+new")
LATE = Finding(RunStatus.LATE, "the host did not answer: No route to host (at Gathering Facts)")


def configure(home: Home) -> None:
    home.door.ring(make_wish())
    turn = home.claim()
    home.door.wait_for(home.door.node.ledger.begin(turn.run, "r1"))
    home.end(turn)


def check(home: Home, found: Finding) -> None:
    checks = home.door.node.ledger.checks
    home.door.wait_for(checks.plan({"lab-proxy": 0.0}, {"lab-proxy"}))
    turn = home.door.wait_for(checks.claim("me"))
    assert turn is not None
    home.tell(turn, {"change": {"task": MOTD.task, "target": MOTD.target, "diff": MOTD.diff}})
    home.door.wait_for(checks.end(turn.run, found, lambda _: None, 200))


def test_what_differs_is_told_task_by_task_with_what_comes_of_it(home: Home) -> None:
    configure(home)
    code, out, _ = home.run("drift")
    assert (code, "not looked at yet" in out) == (3, True)
    check(home, Finding(RunStatus.SUCCESSFUL, drift=(MOTD,)))
    code, out, said = home.run("drift", "lab-proxy")
    assert (code, said) == (2, "")
    assert "lab-proxy  1 task since " in out
    assert "  ~ base : the message of the day  /etc/motd  since " in out
    assert "      -�[2Jold\n      +new\n  stays as it is: the environment's policy is to report\n" in out
    assert "\x1b" not in out
    code, told = home.read("drift")
    open_validator("drift").validate(told)
    [host] = told["hosts"]
    assert (code, host["drift"], host["tasks"][0]["target"], host["policy"]) == (2, 1, "/etc/motd", "report")
    assert "1 task since" in home.run("control", "hosts")[1]
    assert "  drift  1 hosts where something differs, 0 late\n" in home.run("control", "status")[1]

    check(home, Finding(RunStatus.SUCCESSFUL))
    code, out, _ = home.run("drift")
    assert (code, "lab-proxy  none" in out) == (0, True)


def test_a_host_that_is_off_is_late_with_what_was_known_of_it(home: Home) -> None:
    configure(home)
    check(home, Finding(RunStatus.SUCCESSFUL))
    check(home, LATE)
    code, out, _ = home.run("drift")
    assert code == 3
    assert "lab-proxy  late since " in out
    assert "\nlab-proxy: not reached: the host did not answer: No route to host (at Gathering Facts)\n" in out


def test_checks_stand_among_the_runs_and_can_be_told_apart(home: Home) -> None:
    configure(home)
    check(home, Finding(RunStatus.SUCCESSFUL, drift=(MOTD,)))
    runs = home.read("runs")[1]["runs"]
    assert [(run["id"], run["kind"]) for run in runs] == [(2, "check"), (1, "configure")]
    assert [run["id"] for run in home.read("runs", "--kind", "configure")[1]["runs"]] == [1]
    code, out, _ = home.run("runs", "show", "2")
    assert code == 0
    assert "  ~ would change /etc/motd\n      /etc/motd\n      -�[2Jold\n      +new\n" in out
    lines = home.run("runs", "show", "2", "--json")[1].splitlines()
    assert json.loads(lines[0])["change"]["target"] == "/etc/motd"


def test_a_person_has_a_host_asked_now(home: Home) -> None:
    assert "knows no such host" in home.refuse("control", "check", "lab-proxy")
    home.door.ring(make_wish())
    assert "is not configured as it is now" in home.refuse("control", "check", "lab-proxy")
    configure(home)
    code, out, said = home.run("control", "check", "lab-proxy")
    assert (code, said) == (0, "")
    assert out == "lab-proxy is asked; in a moment, what it said:\n\n  homeprod drift lab-proxy\n"
    assert home.door.wait_for(home.door.node.ledger.checks.claim("me")) is not None


def test_of_a_host_that_the_node_does_not_know_that_is_said(home: Home) -> None:
    assert "knows no such host" in home.refuse("drift", "lab-coder")
