"""The values of the ledger: a ring, a host, a run, an event of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HELD = "held at the gate"
"""How the problem of a host begins whose run waits there: it is looked after as before meanwhile."""


class HostState(StrEnum):
    """``failed`` waits for a person's retry, or for the next ring."""

    IDLE = "idle"
    DUE = "due"
    RUNNING = "running"
    FAILED = "failed"


class RunKind(StrEnum):
    """A ``check`` asks what a run would change, and changes nothing; a ``renewal`` sees to certificates alone."""

    CONFIGURE = "configure"
    CHECK = "check"
    RENEWAL = "renewal"


class RunStatus(StrEnum):
    """ansible-runner's words; and of a check ``late``, where the host did not answer."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    LATE = "late"

    @property
    def is_final(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Ring:
    """A signed message that names a host. ``id`` stays the same when it is repeated; ``digest_of_body`` tells a
    repeated one from another with the same id. ``host_keys`` are ``ssh-ed25519 AAAA…``, without a comment."""

    id: str
    host: str
    environment: str
    instance: str
    host_keys: tuple[str, ...]
    rung_by: str
    digest_of_body: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """``is_new`` where the ring made a run; else the run is the one that was queued already, or that the same ring
    got before."""

    run_id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Host:
    """Times are seconds since 1970. ``held_keys`` wait for a person's trust; ``asked_by`` rang while no run could be
    queued. ``applied_vault`` is the vault's revision, and ``applied_digest`` that of all inputs of the run, where
    that was known."""

    name: str
    environment: str
    state: HostState
    wanted_revision: str
    wanted_instance: str
    attempted_revision: str
    attempted_instance: str
    applied_revision: str
    applied_instance: str
    due: float | None
    attempt: int
    owner: str
    host_keys: tuple[str, ...]
    held_keys: tuple[str, ...]
    held_by: str
    problem: str
    asked_by: str
    applied_vault: str = ""
    applied_digest: str = ""

    @property
    def is_pinned(self) -> bool:
        return bool(self.host_keys)

    @property
    def is_torn(self) -> bool:
        """Whether a run that has not succeeded may have changed some of it."""
        return bool(self.attempted_revision) and self.attempted_revision != self.applied_revision

    @property
    def is_current(self) -> bool:
        return self.wanted_instance == self.applied_instance


@dataclass(frozen=True, slots=True)
class Run:
    """Times are seconds since 1970. ``attempt`` counts from 1, of the same wish. ``canceled_by`` names who asked for
    its end; ``problem`` says in words why it failed. ``vault`` is the vault's revision, ``digest`` that of all
    inputs."""

    id: int
    host: str
    environment: str
    status: RunStatus
    revision: str
    instance: str
    rung_by: str
    attempt: int
    created: float
    started: float | None
    ended: float | None
    owner: str
    canceled_by: str
    problem: str
    kind: RunKind = RunKind.CONFIGURE
    vault: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a run, redacted, as JSON text; ``seq`` counts from 1."""

    run: int
    seq: int
    data: str
