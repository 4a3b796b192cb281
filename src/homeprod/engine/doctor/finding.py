"""Finding: what one check of ``doctor`` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from homeprod.core.errors import HomeprodError


class Verdict(Enum):
    """``SKIP`` is what could not be looked at, which is neither well nor ill."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """``check`` names what was looked at, ``hint`` the next step where there is one."""

    check: str
    verdict: Verdict
    message: str
    hint: str = ""


def find_well(check: str, message: str) -> Finding:
    return Finding(check, Verdict.OK, message)


def find_ill(check: str, message: str, hint: str) -> Finding:
    return Finding(check, Verdict.FAIL, message, hint)


def find_failed(check: str, error: HomeprodError) -> Finding:
    """The check itself ended with an error."""
    return Finding(check, Verdict.FAIL, str(error), error.hint)
