"""How a command that moves a branch ends: for people, for machines, and where a control node has to be waited for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import BaseModel

from homeprod.cli import render
from homeprod.cli.promotion.node import WaitingError
from homeprod.cli.promotion.rollout import WAITS


class Accounted(Protocol):
    """What came of it so far, and its report for machines."""

    options: argparse.Namespace
    problem: str

    def report(self, code: int) -> BaseModel: ...


def refuse(account: Accounted, problem: str) -> None:
    """Says why the branch is not moved, and has it reported."""
    account.problem = problem
    render.say(f"refused, and nothing was moved: {problem}")


def tell_uncleared(hosts: Sequence[str]) -> str:
    """Why none of it goes anywhere, by whichever way."""
    return f"rolled back and not cleared: {', '.join(hosts)}"


def carry_through(account: Accounted, act: Callable[[], int]) -> int:
    """The exit code. A node that has to be waited for is no mistake: it is told, and what came before is reported."""
    try:
        code = act()
    except WaitingError as error:
        code, account.problem = WAITS, str(error)
        render.say_problem(str(error), error.hint)
    if account.options.json:
        render.print_json(account.report(code).model_dump(mode="json"))
    return code
