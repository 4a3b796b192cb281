"""A command to copy goes where the command went that names it."""

from __future__ import annotations

import pytest

from homeprod.cli import render
from homeprod.cli.program import SUDO, Place, turn_commands

TEXT = "if it is meant:\n\n  homeprod apply --yes --removals 4\n  homeprod lab up home\n  homeprod --lab home plan"


def test_a_command_that_spoke_to_a_lab_leads_to_that_lab() -> None:
    told = turn_commands(TEXT, Place("home")).splitlines()
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
    assert turn_commands(text, Place("home")) == turned


def test_without_a_lab_nothing_is_changed() -> None:
    assert turn_commands(TEXT, Place()) == TEXT


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("  homeprod plan", "  homeprod --site 'my home' plan"),
        ("see: homeprod control status", "see: homeprod --site 'my home' control status"),
        ("  homeprod --lab home plan", "  homeprod --site 'my home' --lab home plan"),
        ("  homeprod promote HEAD --to lab", "  homeprod --site 'my home' promote HEAD --to lab"),
        ("  homeprod check", "  homeprod --site 'my home' check"),
        ("  homeprod --site x plan", "  homeprod --site x plan"),
        ("  homeprod lab up home", "  homeprod lab up home"),
        ("  homeprod init DIR", "  homeprod init DIR"),
        ("  homeprod affected A..B", "  homeprod affected A..B"),
        (f"  {SUDO} rehearse HEAD", f"  {SUDO} --site 'my home' rehearse HEAD"),
    ],
)
def test_a_command_that_was_given_a_site_leads_to_that_site(text: str, turned: str) -> None:
    assert turn_commands(text, Place(site="my home")) == turned


def test_where_gits_settings_say_the_site_only_other_commands_name_it() -> None:
    text = "  homeprod promote HEAD --to lab\n  homeprod rehearse HEAD\n  homeprod configure web"
    place = Place("home", "/srv/home", is_set=True)
    assert turn_commands(text, place).splitlines() == [
        "  homeprod --lab home promote HEAD --to lab",
        "  homeprod rehearse HEAD",
        "  homeprod --site /srv/home --lab home configure web",
    ]


def test_who_is_not_root_rehearses_behind_sudo_and_in_no_lab() -> None:
    text = "  homeprod rehearse HEAD web\n  homeprod plan"
    assert turn_commands(text, Place("home"), is_root=False).splitlines() == [
        f"  {SUDO} rehearse HEAD web",
        "  homeprod --lab home plan",
    ]
    assert turn_commands(text, Place("home", "..")).splitlines()[0] == "  homeprod --site .. rehearse HEAD web"
    assert turn_commands(text, Place("", ".."), is_root=False).splitlines()[0] == (
        f"  {SUDO} --site .. rehearse HEAD web"
    )


def test_what_is_said_is_turned_until_another_place_is_spoken_to(capsys: pytest.CaptureFixture[str]) -> None:
    render.speak_to("home")
    render.say("waits: `homeprod apply`")
    render.speak_to("")
    render.say("waits: `homeprod apply`")
    assert capsys.readouterr().err == "waits: `homeprod --lab home apply`\nwaits: `homeprod apply`\n"


@pytest.mark.parametrize(
    "place", [Place("home"), Place("home", "my home"), Place("", ".."), Place("home", "x", is_set=True)]
)
@pytest.mark.parametrize("is_root", [True, False])
def test_what_was_turned_already_stays_as_it_is(place: Place, is_root: bool) -> None:
    told = f"{TEXT}\n  homeprod rehearse HEAD\n  homeprod promote HEAD --to lab\n  homeprod --site y plan\n"
    once = turn_commands(f"{told}  ssh -t node unlock\nsee: homeprod drill rebuild", place, is_root=is_root)
    assert turn_commands(once, place, is_root=is_root) == once
