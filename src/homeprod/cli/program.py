"""Commands that a person is told to type: where this one spoke to a lab, those do too. Without ``--lab`` they would
go to the site's real cluster."""

from __future__ import annotations

import argparse
import re


def turn_commands(text: str, options: argparse.Namespace) -> str:
    """The text, in which each command of homeprod on a line of its own names the lab that ``options`` names."""
    lab = getattr(options, "lab", "")
    if not lab:
        return text
    return re.sub(r"^( +homeprod)(?= (?!--lab |lab |init |check\b))", rf"\1 --lab {lab}", text, flags=re.MULTILINE)
