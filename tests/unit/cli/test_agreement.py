"""What is asked before anything is written, and that nothing gets round the number of machines that go."""

from __future__ import annotations

import argparse

import pytest
from tests.unit.plan.pegasus import SITE

from homeprod.cli.agreement import agree
from homeprod.core.address import Address
from homeprod.core.errors import DeclinedError
from homeprod.plan.change import Action, Change
from homeprod.plan.plan import Plan


def _plan(deletions: int, replacements: int = 0) -> Plan:
    actions = [Action.DELETE] * deletions + [Action.REPLACE] * replacements
    gone = (Change(action, Address("vm", f"m{place}"), "pve", 100 + place) for place, action in enumerate(actions))
    return Plan(
        (
            *gone,
            Change(Action.DELETE, Address("image", "old.qcow2"), "pve"),
            Change(Action.CREATE, Address("vm", "n"), "pve", 99),
        )
    )


def _agree(plan: Plan, *, yes: bool = True, removals: int | None = None) -> None:
    agree(plan, SITE, argparse.Namespace(yes=yes, removals=removals))


def test_as_many_as_the_site_allows_need_no_number() -> None:
    assert SITE.config.most_removals == 3
    _agree(_plan(2, 1))


def test_more_need_the_exact_number_and_yes_alone_is_not_enough() -> None:
    with pytest.raises(DeclinedError, match="4 machines would be deleted or replaced, more than the 3") as caught:
        _agree(_plan(2, 2))
    assert "\n  --removals 4" in caught.value.hint
    _agree(_plan(2, 2), removals=4)


@pytest.mark.parametrize(
    ("plan", "removals"), [(_plan(5), 4), (_plan(5), 6), (_plan(1), 2), (_plan(0), 1), (_plan(1), 0)]
)
def test_a_number_that_is_not_the_plans_is_refused(plan: Plan, removals: int) -> None:
    for yes in (True, False):
        with pytest.raises(DeclinedError, match=f"--removals says {removals}"):
            _agree(plan, yes=yes, removals=removals)


def test_a_person_is_asked_for_the_number_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("homeprod.cli.agreement.ask", lambda _, word, **__: asked.append(word))
    _agree(_plan(4), yes=False)
    _agree(_plan(0, 4), yes=False)
    _agree(_plan(3), yes=False)
    _agree(_plan(4), yes=False, removals=4)
    assert asked == ["yes", "delete", "4", "yes", "4", "yes", "delete", "yes", "delete"]
