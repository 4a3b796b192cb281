"""Records: what people have signed about a revision, and what it comes to for one host.

An entry is a statement of one person's. Nothing is ever latched: every question reads all entries that are believed,
and whoever adds one revokes by it what an earlier one said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from homeprod import __version__

NAMESPACE = "homeprod-record"
"""For what the signature is made: no other use of the key counts here."""
FUTURE = 300.0
"""Seconds by which an entry may be ahead of whoever reads it; clocks differ."""
MOST_BYTES = 64 * 1024
"""Of an entry as it is signed: some hundred hosts."""

Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Words = Annotated[str, Field(max_length=500), AfterValidator(lambda text: " ".join(text.split()))]
Moment = Annotated[float, Field(ge=0, lt=1e11, allow_inf_nan=False)]


class EntryError(Exception):
    """It is no entry; the text says why."""


class _Entry(BaseModel):
    """``revision`` is the commit that the entry stands on; ``at`` seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    format: Literal[1] = 1
    environment: Name
    revision: Commit
    at: Moment
    why: Words = ""


class Trial(_Entry):
    """What a run with the inputs of ``digest`` did on ``tried_on``, the host itself or its counterpart: a machine of
    the lab environment, or a stand-in for ``host``. ``why`` names what went wrong where it is red. ``version`` is
    homeprod's, whose roles are among the inputs."""

    kind: Literal["trial"] = "trial"
    host: Name
    digest: Digest
    result: Literal["green", "red"]
    tried_on: Name
    place: Literal["lab", "stand-in"]
    expires: Moment
    version: Annotated[str, Field(max_length=40)] = ""

    @property
    def is_green(self) -> bool:
        return self.result == "green"


class Emergency(_Entry):
    """``revision`` goes to the environment untried, for the reason that ``why`` gives. ``digests`` are its hosts' at
    that revision: for whoever is late it still holds when the branch has gone on."""

    kind: Literal["emergency"] = "emergency"
    digests: Mapping[Name, Digest] = Field(default_factory=dict)


class Rollback(_Entry):
    """``revision`` takes back what came between ``to`` and ``left``. ``digests`` are the hosts' at ``revision``;
    ``bad`` are those that they had at ``left``, of hosts where the two differ: nothing of these is run again, until
    somebody clears them."""

    kind: Literal["rollback"] = "rollback"
    left: Commit
    to: Commit
    digests: Mapping[Name, Digest] = Field(default_factory=dict)
    bad: Mapping[Name, Digest]


class Clear(_Entry):
    """What was noted as bad before ``at`` is so no longer: of ``host`` the ``digest``, or each of it, or of all hosts
    of the environment."""

    kind: Literal["clear"] = "clear"
    host: Name | Literal[""] = ""
    digest: Digest | Literal[""] = ""

    def covers(self, host: str, digest: str) -> bool:
        return self.host in ("", host) and self.digest in ("", digest)


Entry = Trial | Emergency | Rollback | Clear
_ADAPTER: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class Signed:
    """An entry that is believed, and whose signature it carries."""

    entry: Entry
    person: str


@dataclass(frozen=True, slots=True)
class Bad:
    """A digest that was rolled back, and is held until somebody clears it."""

    environment: str
    host: str
    digest: str
    rollback: Rollback
    person: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a run with these inputs was tried and is good; ``why`` says what it lacks, ``trial`` is the one that
    decided, None where there is none that counts."""

    is_green: bool
    why: str = ""
    trial: Trial | None = None


def write_entry(entry: Entry) -> bytes:
    """The bytes that are signed."""
    return write_canonically(entry.model_dump(mode="json"))


def write_canonically(content: object) -> bytes:
    """JSON in one form only."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_entry(content: object) -> Entry:
    """Raises EntryError."""
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:80]
        raise EntryError(f"{place}: {first['msg']}"[:200] if place else str(first["msg"])[:200]) from None


def judge(
    entries: Iterable[Signed], host: str, digest: str, now: float, fresh_seconds: float = math.inf
) -> Judgement:
    """Of the host's run with the inputs of ``digest``. The latest trial counts; an expired one is none, and neither
    is one that says it comes later than now: then somebody's clock is wrong. A record may say of itself that it holds
    for long, and counts for ``fresh_seconds`` all the same."""
    trials = [(one.entry, one.person) for one in entries if isinstance(one.entry, Trial) and one.entry.host == host]
    ours = [one for one in trials if one[0].digest == digest]
    present = [one for one in ours if one[0].at <= now + FUTURE]
    if not present:
        return Judgement(False, _explain_lack(trials, ours))
    trial, person = max(present, key=lambda one: (one[0].at, not one[0].is_green))  # of two at once, the red one
    if not trial.is_green:
        return Judgement(
            False, f"its trial on {trial.tried_on} was red{f': {trial.why}' if trial.why else ''}", trial
        )
    if min(trial.expires, trial.at + fresh_seconds) <= now:
        return Judgement(False, f"its record is expired, of {person}'s trial on {trial.tried_on}", trial)
    return Judgement(True, "", trial)


def find_bad(entries: Iterable[Signed], environment: str) -> list[Bad]:
    """What is held in the environment, by host: the last roll-back of each that no later clear covers."""
    ours = [one for one in entries if one.entry.environment == environment]
    clears = [one.entry for one in ours if isinstance(one.entry, Clear)]
    found: dict[tuple[str, str], Bad] = {}
    rollbacks = [(one.entry, one.person) for one in ours if isinstance(one.entry, Rollback)]
    for rollback, person in sorted(rollbacks, key=lambda one: one[0].at):
        for host, digest in rollback.bad.items():
            if not any(clear.at > rollback.at and clear.covers(host, digest) for clear in clears):
                found[host, digest] = Bad(environment, host, digest, rollback, person)
    return [found[key] for key in sorted(found)]


def _explain_lack(trials: list[tuple[Trial, str]], ours: list[tuple[Trial, str]]) -> str:
    if ours:
        return f"its record comes from the future ({ours[0][1]}'s trial): look at the clocks"
    if not trials:
        return "it has no record: it was never tried"
    last, person = max(trials, key=lambda one: one[0].at)
    by = f", by homeprod {last.version} where this is {__version__}" if last.version not in ("", __version__) else ""
    return f"it has no record for what it would run now: {person}'s trial on {last.tried_on} was of other inputs{by}"
