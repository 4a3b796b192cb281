"""AppsLine: what an app host says of what it runs, as a control node keeps it and tells it.

It is a host's word about itself, and a host may be in anybody's hands: every part of it is bounded and of a form that
is known, no line of it is ever a command, and its texts are one line of printable signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from homeprod.core.overview.age import tell_age

CONFIGURATION = "_config"
"""How the app repository's part for the host is called among its apps."""
MOST_APPS = 100
MOST_WORDS = 300
OLD_SECONDS = 86_400
"""After so many what was heard of a host's apps is old."""
LINGERING = 3600.0
"""Seconds after which a person is told of what may pass by itself."""
UNKNOWN_FORM = "what it says of its apps is not in a form that is known here"

State = Literal["current", "stopped", "late", "waits", "failed", "unhealthy", "rolled back", "refused"]
_WELL = ("current", "stopped")
_PASSING = ("late", "waits")


def write_plainly(text: str) -> str:
    """On one line, as many signs as are kept; what is not printable becomes a sign of its own."""
    line = "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))
    return line if len(line) <= MOST_WORDS else f"{line[: MOST_WORDS - 1]}…"


Words = Annotated[str, AfterValidator(write_plainly)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$")]
Seconds = Annotated[float, Field(ge=0, lt=10**11, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class AppLine(_Part):
    """``applied`` is the commit that runs, ``wanted`` the one that the git server has, ``verified`` whose signature
    what runs is believed by. ``since`` is when its state began, in seconds since 1970."""

    name: Name
    state: State
    wanted: Commit = ""
    applied: Commit = ""
    verified: Words = ""
    since: Seconds = 0
    problem: Words = ""

    @property
    def is_app(self) -> bool:
        return self.name != CONFIGURATION

    @property
    def is_well(self) -> bool:
        """Whether it is as git says, and somebody stands for it."""
        return self.state in _WELL and self.is_believed

    @property
    def is_believed(self) -> bool:
        """What does not run needs nobody who stands for it."""
        return bool(self.verified) or not self.applied

    @property
    def may_pass(self) -> bool:
        """Whether the host goes on by itself, as soon as it can."""
        return self.state in _PASSING and self.is_believed

    @property
    def word(self) -> str:
        return self.state if self.is_believed else f"{self.state}, not verified"

    def needs_person(self, now: float) -> bool:
        return not self.is_well and not (self.may_pass and now - self.since < LINGERING)


class AppsLine(_Part):
    """``heard`` is when the node was told, ``looked`` when the host itself had looked, both seconds since 1970 by the
    node's clock. ``problem`` says why nothing is known, or why the host could not look."""

    heard: Seconds
    looked: Seconds
    problem: Words = ""
    apps: Annotated[tuple[AppLine, ...], Field(max_length=MOST_APPS, strict=False)] = ()

    @property
    def well(self) -> int:
        return sum(one.is_well for one in self.apps if one.is_app)

    @property
    def count(self) -> int:
        return sum(one.is_app for one in self.apps)

    @property
    def ill(self) -> tuple[AppLine, ...]:
        """Those that are not as git says, whatever comes of it; the configuration too."""
        return tuple(one for one in self.apps if not one.is_well)

    def needs_person(self, now: float) -> bool:
        return bool(self.problem) or self.stood_still > OLD_SECONDS or any(one.needs_person(now) for one in self.apps)

    @property
    def stood_still(self) -> float:
        """Seconds for which the host had not looked any more, when it was asked."""
        return max(self.heard - self.looked, 0.0)

    def describe(self, now: float) -> str:
        """In a few words, for a list."""
        words = [f"{self.well} well"] if self.well or not (self.ill or self.problem) else []
        words += ["problem"] if self.problem else []
        words += [f"{one.name} {one.word}" for one in self.ill[:2]]
        words += [f"{len(self.ill) - 2} more"] if len(self.ill) > 2 else []
        words += [f"{tell_age(now - self.looked)} ago"] if now - self.looked > OLD_SECONDS else []
        return ", ".join(words)


def judge_word(told: object, heard: float) -> AppsLine | None:
    """What the one that asked the host says that the host said: ``{"now", "ended", "problem", "apps"}``, of which
    nothing is believed yet. Moments come by the host's clock and are kept by ours. None where the host said nothing;
    a form that is not known is a problem, told as that."""
    if told is None:
        return None
    try:
        word = _Told.model_validate(told)
        apps = tuple(one.model_copy(update={"since": _translate(one.since, word.now, heard)}) for one in word.apps)
        return AppsLine(heard=heard, looked=_translate(word.ended, word.now, heard), problem=word.problem, apps=apps)
    except ValidationError:
        return AppsLine(heard=heard, looked=heard, problem=UNKNOWN_FORM)


def _translate(at: float, now: float, heard: float) -> float:
    """A moment of a clock that shows ``now`` when ours shows ``heard``; what it says is to come is now."""
    return max(heard - max(now - at, 0.0), 0.0)


class _Told(_Part):
    """``now`` is when the host was asked, ``ended`` when it had looked, both by its own clock."""

    now: Seconds
    ended: Seconds
    problem: Words = ""
    apps: Annotated[tuple[AppLine, ...], Field(max_length=MOST_APPS, strict=False)] = ()


def read_apps(told: Mapping[str, Any]) -> AppsLine | None:
    """From what a node's door says of a host; None where that is nothing. Raises KeyError, ValueError."""
    if told.get("apps") is None:
        return None
    apps = tuple(_read_app(one) for one in told["apps"])
    return AppsLine(heard=told["apps_seen"], looked=told["apps_looked"], problem=told["apps_problem"], apps=apps)


def _read_app(told: Mapping[str, Any]) -> AppLine:
    """A node of a later homeprod may tell more."""
    known = {name: told[name] for name in AppLine.model_fields}
    return AppLine.model_validate({**known, "wanted": told["applied"] if told["wanted"] is None else told["wanted"]})
