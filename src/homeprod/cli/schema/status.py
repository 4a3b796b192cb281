"""What ``status --json`` prints."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report


class MatterPart(Part):
    """Something that needs a person. ``command`` is what to type next, where that is known."""

    text: str
    command: str | None


class BackupPart(Part):
    """``is_in_job`` is null where nobody could see whether a backup job has the machine, ``last`` (seconds since
    1970) where no backup was seen; ``has_none`` where it was seen that there is none."""

    is_in_job: bool | None
    last: int | None
    has_none: bool


class CertificatePart(Part):
    """What a proxy shows. ``ends`` is UTC, ISO 8601; ``unknown`` says why nothing could be seen."""

    names: list[str]
    by: str
    serial: str | None
    ends: str | None
    days: int | None
    trouble: str | None
    unknown: str | None


class VersionPart(Part):
    """A git commit, and a machine's instance; empty where there is none yet."""

    revision: str
    instance: str


class RunPart(Part):
    """``ended`` is seconds since 1970, null while it is under way."""

    id: int
    status: str
    ended: float | None
    problem: str


class AppPart(Part):
    """An app, or ``_config``, the app repository's part for the host. ``state`` is the host's word: current, stopped,
    waits, late, refused, rolled back, unhealthy, failed. ``applied`` is the commit that runs, ``wanted`` the git
    server's (12 letters of each), ``verified`` whose signature what runs is believed by, null where there is none.
    ``since`` is seconds since 1970."""

    name: str
    state: str
    is_well: bool
    applied: str
    wanted: str
    verified: str | None
    since: float | None
    problem: str


class AppsPart(Part):
    """``looked`` is when the host itself had looked after them, ``seen`` when the control node was told, both seconds
    since 1970 by the node's clock. ``problem`` says why the host could not look, or why nothing is known."""

    seen: float
    looked: float
    problem: str
    apps: list[AppPart]


class HostPart(Part):
    """The machine as its control node has it. ``waits`` where it is not yet what it should be. ``drift`` is how much
    differs from its playbooks, ``late`` since when nobody could look; both null where the node does not say. ``apps``
    is null where it runs none that are known."""

    state: str
    waits: bool
    wanted: VersionPart
    attempted: VersionPart
    applied: VersionPart
    held_keys: list[str]
    problem: str
    last_run: RunPart | None
    drift: int | None
    late: float | None
    apps: AppsPart | None


class MachinePart(Part):
    """``plan`` says what a plan would do with it, in words; ``waits`` are attributes that wait for a cold start.
    ``host`` is null where no control node told of it."""

    name: str
    kind: str
    vmid: int
    node: str
    address: str | None
    state: str
    plan: str
    waits: list[str]
    kept_by: list[str]
    certificates: list[CertificatePart]
    backup: BackupPart
    host: HostPart | None


class NodePart(Part):
    """A control node that runs. ``state``, ``since`` (seconds since 1970) and ``waiting`` (hosts) are null where it
    did not answer; ``why_not`` says why that is so, or why it told no more."""

    name: str
    state: str | None
    since: float | None
    waiting: int | None
    troubles: list[str]
    why_not: str | None


class StatusReport(Report):
    """``matters`` have the most pressing first. ``backups_unseen`` says what of backups could not be seen."""

    matters: list[MatterPart]
    machines: list[MachinePart]
    nodes: list[NodePart]
    backups_unseen: str | None
