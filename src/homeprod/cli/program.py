"""Commands that a person is told to type: where this one spoke to a lab, those do too. Without ``--lab`` they would
go to the site's real cluster."""

from __future__ import annotations

import re

_APART = r"(?! --lab | lab | init | check\b)"
"""Behind ``homeprod``: what speaks to no cluster, or says already to which."""
_BEGINS = r"(?:(?<=`)|(?<=^  )|(?<=^    ))"
_TOLD = r"(?<=: )(?=homeprod (?:apply|configure|control|drill|plan|render|runs)\b)"
_COMMAND = re.compile(rf"(?:{_BEGINS}|{_TOLD})homeprod(?= [a-z-]){_APART}", re.MULTILINE)
_LOGIN = re.compile(rf"(?:{_BEGINS}|(?<=: ))ssh -t (?=[a-z])", re.MULTILINE)


def turn_commands(text: str, lab: str) -> str:
    """The text, in which each command to copy (on a line of its own, in backticks, or behind a colon) names ``lab``:
    one of homeprod by its option, a login to a machine by `homeprod lab ssh`, since only the lab reaches it."""
    if not lab:
        return text
    text = _COMMAND.sub(f"homeprod --lab {lab}", text)
    return _LOGIN.sub(f"homeprod lab ssh -t {lab} ", text)
