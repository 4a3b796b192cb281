"""What ``drill rebuild --json`` prints, and ``--out`` keeps."""

from __future__ import annotations

from typing import Literal

from homeprod.cli.schema.report import Part, Report

PhaseName = Literal["look", "destroy", "create", "unlock", "configure", "serve", "compare"]


class PhaseEntry(Part):
    """``seconds`` is null where it was not come to, or left out; ``why`` says what was left out, or what failed."""

    name: PhaseName
    state: Literal["done", "failed", "left out", "not begun"]
    seconds: float | None
    why: str


class DrilledEntry(Part):
    """A machine. ``before`` and ``after`` are its lives (VMID and creation nonce), null where it was not there.
    Seconds are null where that step was not this drill's: ``created`` counts to cloud-init's end and the ring,
    ``configured`` is what the control node's run took."""

    name: str
    vmid: int
    before: str | None
    after: str | None
    destroyed: float | None
    created: float | None
    configured: float | None


class KeptEntry(Part):
    """A data VM's disk. ``problem`` says what is not as it was before, and is empty where it is the same."""

    owner: str
    slot: str
    label: str
    volume: str
    size: int | None
    problem: str


class AskedEntry(Part):
    """An expectation of the site's, walked for real. ``problem`` is empty where it is met, or nothing could be
    asked."""

    url: str
    origin: Literal["lan", "wan"]
    verdict: Literal["as said", "differs", "not asked", "shown"]
    problem: str


class TroubleEntry(Part):
    """``where`` is a machine, a disk or a URL."""

    phase: PhaseName
    where: str
    what: str
    hint: str


class DrillReport(Report):
    """``verdict``: ``proven``; ``not proven`` where all was made again and something could not be asked; ``failed``.
    ``place`` is the lab's name, null for the site's own cluster. ``commit`` is the site's, with a ``+`` where
    something was not committed, and empty where it is in no git. ``is_resumed`` where an earlier drill was gone on
    with: the times are only those since. ``seconds`` are those of all phases. ``keys`` says by control node whether
    its keyring's public keys are those of before. ``row`` is a line of Markdown for a log of drills."""

    site: str
    place: str | None
    commit: str
    began: str
    is_resumed: bool
    verdict: Literal["proven", "not proven", "failed"]
    seconds: float
    phases: list[PhaseEntry]
    machines: list[DrilledEntry]
    disks: list[KeptEntry]
    keys: dict[str, bool]
    expectations: list[AskedEntry]
    problems: list[TroubleEntry]
    unproven: list[str]
    row: str
    exit_code: int
