"""What is looked at: units, and the expectations that stand-ins alone can meet."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.rehearsal.home import EXAMPLES

from homeprod.core.errors import ControlError
from homeprod.network.expectations import try_expectations
from homeprod.rehearsal.judgement import Look
from homeprod.rehearsal.look import choose_expectations, look_at, name_trial, share_routes
from homeprod.site.loader import load_site

PEGASUS = load_site(EXAMPLES / "pegasus")


def list_asked(*names: str) -> list[str]:
    return [name_trial(one) for one in choose_expectations(PEGASUS, names).asked]


def test_an_expectation_is_asked_where_its_whole_way_is_made_of_stand_ins() -> None:
    assert list_asked("prod-proxy") == []
    assert list_asked("prod-proxy-passthrough") == []
    both = list_asked("prod-proxy", "prod-proxy-passthrough")
    assert "https://unknown.example/ from wan" in both
    assert "https://cloud.pegasuspad.com/ from wan" not in both, "its service is no stand-in"
    assert "https://demo.lab.pegasuspad.com/ from lan" in list_asked("lab-proxy", "lab-coder")
    assert "https://demo.lab.pegasuspad.com/ from wan" not in list_asked("lab-proxy", "lab-coder")


def test_those_that_cannot_be_asked_are_counted() -> None:
    found = choose_expectations(PEGASUS, ("prod-proxy",))
    assert PEGASUS.entry is not None
    assert found.unasked == len(PEGASUS.entry.expectations)
    assert choose_expectations(replace(PEGASUS, entry=None), ("prod-proxy",)).unasked == 0


def test_what_is_otherwise_is_told_of_the_machines_on_its_way() -> None:
    assert PEGASUS.entry is not None
    trials = tuple(try_expectations(PEGASUS, PEGASUS.entry))
    problems = {"https://unknown.example/ from wan": "prod-proxy: status 200; the table says: 421"}
    for machine in ("prod-proxy", "prod-proxy-passthrough"):
        assert share_routes(trials, problems, machine) == problems
    assert share_routes(trials, problems, "lab-proxy") == {}


def test_failed_units_are_named_whatever_stands_before_them() -> None:
    text = "web.service loaded failed failed The web\n● nginx.service loaded activating auto-restart nginx\n\n"
    asked: list[str] = []

    def run_in(machine: str, command: str) -> str:
        asked.append(f"{machine}: {command.partition(' --')[0]}")
        return text

    assert look_at("prod-proxy", run_in, {}) == Look(frozenset({"web.service", "nginx.service"}))
    assert asked == ["prod-proxy: systemctl list-units"]


def test_one_that_cannot_be_looked_into_says_so() -> None:
    def run_in(*_: str) -> str:
        raise ControlError("a command ended with 255: no route to host")

    look = look_at("prod-proxy", run_in, {"a": "b"})
    assert (look.trouble, look.broken_routes) == ("a command ended with 255: no route to host", {"a": "b"})
