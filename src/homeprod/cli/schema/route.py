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


class WayReport(Report):
    """Of ``explain``."""

    way: WayEntry


class TrialEntry(Part):
    """One expectation. ``problem`` is empty where it holds; ``left`` is what only the service could tell."""

    file: str
    line: int
    problem: str
    left: str
    way: WayEntry


class TrialReport(Report):
    """Of ``test``."""

    trials: list[TrialEntry]
