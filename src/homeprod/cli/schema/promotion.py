"""What ``trials --json``, ``promote --json`` and ``rollback --json`` print."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.report import Part, Report


class StandingEntry(Part):
    """How a host stands with a revision. ``digest`` is of all that its run can read there. ``is_good`` where it may
    go there, ``is_green`` where a trial says so, ``is_held`` where somebody rolled that back and nobody has cleared
    it. ``tried_on`` to ``expires`` are of the trial that decided, null where there is none; times are seconds since
    1970. ``command`` gets what is missing, empty where nothing is."""

    host: str
    environment: str
    digest: str
    is_good: bool
    is_green: bool
    is_held: bool
    words: str
    tried_on: str | None
    place: Literal["lab", "stand-in"] | None
    person: str | None
    at: float | None
    expires: float | None
    command: str


class MarkEntry(Part):
    """Something that is shown for ever after: an emergency, a roll-back, or that one was cleared (``hosts`` are those
    whose digests it notes; of a clear, empty for all)."""

    kind: Literal["emergency", "rollback", "clear"]
    revision: str
    person: str
    at: float
    why: str
    hosts: list[str]


class TrialsReport(Report):
    """``head`` is where the environment's branch is, empty where it is not there yet. ``hosts`` are those that the
    step from there to ``revision`` affects. ``problem`` says why the branch would not go there, empty where it
    would."""

    environment: str
    head: str
    revision: str
    hosts: list[StandingEntry]
    marks: list[MarkEntry]
    problem: str


class TriedEntry(Part):
    """A host that the revision was tried on. ``result`` is untried where nothing can be said of the revision: the
    host was off, say. ``counts_for`` are the hosts whose records it became; ``runs`` are the control node's."""

    host: str
    result: Literal["green", "red", "untried"]
    why: str
    runs: list[int]
    counts_for: list[str]


class RolloutEntry(Part):
    """A host of the roll-out, as the control node told it last."""

    host: str
    state: str
    problem: str


class PromotionReport(Report):
    """``before`` is where the branch was, ``has_moved`` whether this has moved it. ``hosts`` is what each host's
    record was, of an environment with a gate; ``tried`` what a trial brought, null where none was held; ``rollout``
    how the roll-out stood when it was left, null where it was not watched. ``problem`` says why it is not done."""

    environment: str
    branch: str
    before: str
    revision: str
    has_moved: bool
    is_emergency: bool
    hosts: list[StandingEntry]
    tried: list[TriedEntry] | None
    rollout: list[RolloutEntry] | None
    problem: str
    exit_code: int


class RollbackReport(Report):
    """``left`` is the revision that was rolled back, ``to`` the one whose files the new ``revision`` has; ``bad`` are
    digests that are held now, by host. Of ``--clear`` all revisions are empty, and ``cleared`` are the hosts."""

    environment: str
    branch: str
    left: str
    to: str
    revision: str
    bad: dict[str, str]
    cleared: list[str]
    rollout: list[RolloutEntry] | None
    problem: str
    exit_code: int
