"""Commands that a person is told to type: they lead to the lab that this one spoke to, and to the site that it was
told. Without ``--lab`` they would go to the site's real cluster."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_APART = r"(?!(?: --site (?:'[^']*'|\S+))?(?: --lab | lab | init | check\b| rehearse\b| affected\b))"
"""Behind ``homeprod``: what speaks to no cluster, or says already to which."""
_UNLED = r"(?!(?: --lab \S+)? --site | lab | init | completion\b| affected\b|[^\n`]* --help\b)"
"""Behind ``homeprod``: what reads no site, or says already which."""
_BESIDE = r"(?!(?: --lab \S+)? (?:promote|trials|rollback|rehearse)\b)"
"""What finds the site as the command did that names it: git's settings say it."""
_BEGINS = r"(?:(?<=`)|(?<=^  )|(?<=^    ))"
_TOLD = r"(?<=: )(?=homeprod (?:--lab \S+ )?(?:apply|configure|control|drill|plan|render|runs)\b)"
_WRITTEN = r"(?<!by `)"
"""What is told of a file is no command to copy."""
_PROGRAM = rf"(?:{_BEGINS}|{_TOLD}){_WRITTEN}homeprod(?= [a-z-])"
_COMMAND = re.compile(rf"{_PROGRAM}{_APART}", re.MULTILINE)
_OF_SITE = re.compile(rf"{_PROGRAM}{_UNLED}", re.MULTILINE)
_OF_OTHERS = re.compile(rf"{_PROGRAM}{_UNLED}{_BESIDE}", re.MULTILINE)
_AS_ROOT = re.compile(r'(?<="\$\(command -v homeprod\)")(?= rehearse\b)')
_REHEARSAL = re.compile(rf"{_BEGINS}homeprod(?= rehearse\b)", re.MULTILINE)
_LOGIN = re.compile(rf"(?:{_BEGINS}|(?<=: ))ssh -t (?=[a-z])", re.MULTILINE)
SUDO = 'sudo --preserve-env=SSH_AUTH_SOCK "$(command -v homeprod)"'
"""For what only root can do, with a person's own ssh-agent; root's PATH may lead to another homeprod, or to none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands lead: ``lab`` is the one that was spoken to, empty for the site's cluster. ``site`` is the
    folder that was given, empty where it is found without; ``is_set`` where git's settings say it, so that commands
    on a playbook repository find it too."""

    lab: str = ""
    site: str = ""
    is_set: bool = False


def turn_commands(text: str, place: Place, *, is_root: bool = True) -> str:
    """The text, in which each command to copy (on a line of its own, in backticks, or behind a colon) names the lab:
    one of homeprod by its option, a login to a machine by `homeprod lab ssh`, since only the lab reaches it. Where
    the site was named, each that reads one names it too. Who is not root types a rehearsal behind sudo. What was
    turned already stays as it is."""
    if not is_root:
        text = _REHEARSAL.sub(SUDO, text)
    if place.lab:
        text = _COMMAND.sub(f"homeprod --lab {place.lab}", text)
        text = _LOGIN.sub(f"homeprod lab ssh -t {place.lab} ", text)
    if place.site:
        option = f" --site {shlex.quote(place.site)}"
        text = (_OF_OTHERS if place.is_set else _OF_SITE).sub(lambda _: f"homeprod{option}", text)
        text = text if place.is_set else _AS_ROOT.sub(lambda _: option, text)
    return text
