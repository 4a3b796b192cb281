"""A command to copy goes where the command went that names it."""

from __future__ import annotations

from argparse import Namespace

from homeprod.cli.program import turn_commands

TEXT = "if it is meant:\n\n  homeprod apply --yes --removals 4\n  homeprod lab up home\n  homeprod --lab home plan"


def test_a_command_that_spoke_to_a_lab_leads_to_that_lab() -> None:
    told = turn_commands(TEXT, Namespace(lab="home")).splitlines()
    assert told[2:] == ["  homeprod --lab home apply --yes --removals 4", *TEXT.splitlines()[3:]]


def test_without_a_lab_nothing_is_changed() -> None:
    assert turn_commands(TEXT, Namespace(lab="")) == TEXT
    assert turn_commands(TEXT, Namespace()) == TEXT  # the command line itself was wrong
