"""What each command's help says: its own exit codes, the signs of a plan, and where a verb is typed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest

from homeprod.cli.control.arguments import COMMANDS as CONTROL
from homeprod.cli.control.arguments import GROUPS
from homeprod.cli.exitcodes import EVERYWHERE, OWN
from homeprod.cli.main import build_parser, main
from homeprod.cli.showplan import CONFLICT, NOTICE, UNKNOWN
from homeprod.plan.change import Action


def walk(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and verb, by the words that a person types."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, nested in action.choices.items():
                yield f"{name} {word}".strip(), nested
                yield from walk(nested, f"{name} {word}".strip())


PARSERS = dict(walk(build_parser()))


def read_codes(text: str) -> dict[int, str]:
    """As they stand at a help's end: all on one line, or a line each."""
    end = text.rpartition("\nexit codes:\n")[2]
    return {
        int(code): words.strip()
        for code, words in re.findall(r"(?:^ +|   )(\d+) +(\D.*?)(?=   \d|$)", end, re.MULTILINE)
    }


@pytest.mark.parametrize("name", PARSERS)
def test_every_help_ends_with_the_commands_own_exit_codes(name: str) -> None:
    text = PARSERS[name].format_help()
    assert text.count("\nexit codes:\n") == 1
    assert read_codes(text) == {**EVERYWHERE, **OWN.get(name, {})}


def test_only_commands_have_codes_of_their_own() -> None:
    assert OWN.keys() <= PARSERS.keys()


def test_the_codes_that_a_command_ends_with_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for words, codes in {
        "plan": {0, 1, 2, 3},
        "render": {0, 1, 2},
        "configure": {0, 1, 3},
        "control status": {0, 1, 2, 3},
        "check": {0, 1},
    }.items():
        with pytest.raises(SystemExit):
            main([*words.split(), "--help"])
        assert read_codes(capsys.readouterr().out).keys() == {*codes, 64, 130}, words


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_the_signs_of_a_plan_are_explained_and_none_means_two_things(command: str) -> None:
    text = PARSERS[command].format_help()
    signs = {action.sign for action in Action} | {NOTICE, UNKNOWN, CONFLICT}
    for sign in signs:
        assert re.search(rf"(^|  ){re.escape(sign)} \w", text, re.MULTILINE), sign
    assert not {NOTICE, UNKNOWN, CONFLICT} & {action.sign for action in Action}


def test_control_lists_its_verbs_by_where_they_are_typed() -> None:
    text = PARSERS["control"].format_help()
    places = [text.index(f"\n  {heading}:\n") for heading in GROUPS]
    assert places == sorted(places)
    for heading, verbs in GROUPS.items():
        part = text.partition(f"\n  {heading}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^    (\S+)", part, re.MULTILINE) == list(verbs)
    assert len(CONTROL) == sum(len(verbs) for verbs in GROUPS.values())
