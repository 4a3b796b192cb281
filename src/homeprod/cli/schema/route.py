"""What ``route explain --json`` and ``route test --json`` print."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.report import Part, Report


class OtherEntry(Part):
    """A rule that was not taken, and why not. ``file`` is relative to the site, here and below."""

    rule: str
    why: str
    file: str
    line: int


class RenderedEntry(Part):
    """``file`` is relative to the playbook repository."""

    file: str
    line: int


class RuleEntry(Part):
    """What decided. ``rendered`` is where it stands in what ``render`` writes: nowhere, in one file, or one for each
    kind of resolver."""

    rule: str
    file: str
    line: int
    rendered: list[RenderedEntry]
    others: list[OtherEntry]


class HopEntry(Part):
    """Where a request passes. ``name`` is the machine's; ``address`` and ``port`` are where it is asked, null where
    the site does not know, or nothing is asked of a port."""

    kind: Literal["dns", "router", "passthrough", "proxy", "service"]
    name: str
    address: str | None
    address6: str | None
    port: int | None
    does: str
    rules: list[RuleEntry]


class AnswerEntry(Part):
    """How it ends: at a ``service``, with a ``redirect``, ``refused`` by the way in itself, or ``nowhere``.
    ``status`` is null where the service gives it. ``certificate`` are the names in the one that is shown; with
    ``is_trusted`` false, a client that asked for this name does not accept it."""

    end: Literal["service", "redirect", "refused", "nowhere"]
    words: str
    status: int | None
    service: str | None
    certificate: list[str] | None
    is_trusted: bool | None


class WayEntry(Part):
    url: str
    origin: Literal["lan", "wan"]
    hops: list[HopEntry]
    answer: AnswerEntry


Verdict = Literal["as said", "differs", "not asked", "shown"]


class SightEntry(Part):
    """One thing that was asked. ``said`` is the table's side; ``seen`` what came, or, of what was ``not asked``, why
    not. What is ``shown`` is nothing that the table speaks of. ``advice`` says where to look."""

    question: Literal["dns", "connection", "certificate", "proxy", "answer"]
    verdict: Verdict
    said: str
    seen: str
    advice: str


class StopEntry(Part):
    """Where the way was entered: what lies behind was seen through it. ``address`` is null where none is known, and
    ``status`` where none came."""

    kind: Literal["dns", "router", "passthrough", "proxy", "service"]
    name: str
    address: str | None
    port: int | None
    status: int | None
    sights: list[SightEntry]


class WalkEntry(Part):
    """The way as it was walked. ``verdict`` is the worst that was seen: ``not asked`` where nothing could be
    compared, ``shown`` where there was nothing to."""

    verdict: Verdict
    stops: list[StopEntry]


class WayReport(Report):
    """Of ``explain``. ``walk`` is null without ``--probe``."""

    way: WayEntry
    walk: WalkEntry | None = None


class TrialEntry(Part):
    """One expectation. ``problem`` is empty where the table holds it; ``left`` is what only the service could tell.
    ``walk`` is null without ``--live``; then ``live_problem`` says what is otherwise for real, or nothing."""

    file: str
    line: int
    problem: str
    left: str
    way: WayEntry
    walk: WalkEntry | None = None
    live_problem: str = ""


class TrialReport(Report):
    """Of ``test``."""

    trials: list[TrialEntry]
