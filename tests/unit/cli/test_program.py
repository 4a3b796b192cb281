"""A command to copy goes where the command went that names it."""

from __future__ import annotations

import pytest

from homeprod.cli import render
from homeprod.cli.program import turn_commands

TEXT = "if it is meant:\n\n  homeprod apply --yes --removals 4\n  homeprod lab up home\n  homeprod --lab home plan"


def test_a_command_that_spoke_to_a_lab_leads_to_that_lab() -> None:
    told = turn_commands(TEXT, "home").splitlines()
    assert told[2:] == ["  homeprod --lab home apply --yes --removals 4", *TEXT.splitlines()[3:]]


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("kept until `homeprod destroy --data d`", "kept until `homeprod --lab home destroy --data d`"),
        ("see: homeprod control status", "see: homeprod --lab home control status"),
        ("first:\n\n  ssh -t node unlock", "first:\n\n  homeprod lab ssh -t home node unlock"),
        ("unlock it: ssh -t node unlock", "unlock it: homeprod lab ssh -t home node unlock"),
        (
            "  ssh -t node homeprod control secret add lab",
            "  homeprod lab ssh -t home node homeprod control secret add lab",
        ),
        ("a mark of homeprod and of others", "a mark of homeprod and of others"),
        ("error: homeprod cannot do it", "error: homeprod cannot do it"),
    ],
)
def test_wherever_a_command_stands(text: str, turned: str) -> None:
    assert turn_commands(text, "home") == turned


def test_without_a_lab_nothing_is_changed() -> None:
    assert turn_commands(TEXT, "") == TEXT


def test_what_is_said_is_turned_until_another_place_is_spoken_to(capsys: pytest.CaptureFixture[str]) -> None:
    render.speak_to("home")
    render.say("waits: `homeprod apply`")
    render.speak_to("")
    render.say("waits: `homeprod apply`")
    assert capsys.readouterr().err == "waits: `homeprod --lab home apply`\nwaits: `homeprod apply`\n"
