"""How to reach a cluster: its endpoints and whom to believe there, from the site and the environment. Resolving is
pure but for reading the file of a token or password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox.transport.connection import Connection, Way
from homeprod.drivers.proxmox.transport.credential import Credential
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.drivers.proxmox.transport.failover import Tell
from homeprod.drivers.proxmox.transport.line import Limits
from homeprod.drivers.proxmox.transport.source import Ask, Source, find_credential
from homeprod.drivers.proxmox.transport.trust import Trust, parse_fingerprint

ENDPOINT, CA_FILE, FINGERPRINT = "HOMEPROD_ENDPOINT", "HOMEPROD_CA_FILE", "HOMEPROD_FINGERPRINT"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a connection needs; ``further`` are more endpoints of the same cluster. Its repr shows no secret."""

    endpoint: Endpoint
    credential: Credential
    trust: Trust = field(default_factory=Trust)
    further: tuple[Way, ...] = ()

    @property
    def ways(self) -> tuple[Way, ...]:
        """Every endpoint with whom to believe there, in the order in which they are tried."""
        return ((self.endpoint, self.trust), *self.further)


def open_connection(settings: Settings, *, limits: Limits | None = None, tell: Tell | None = None) -> Connection:
    """Sends nothing yet; raises UsageError for a bad CA file."""
    return Connection(
        settings.endpoint, settings.credential, settings.trust, further=settings.further, limits=limits, tell=tell
    )


def resolve_settings(
    env: Mapping[str, str],
    *,
    endpoint: str | Sequence[str] = (),
    token_file: Path | None = None,
    ca_file: Path | None = None,
    fingerprint: str | Sequence[str] = (),
    user: str = "",
    password_file: Path | None = None,
    ask: Ask | None = None,
) -> Settings:
    """The site's own values (keywords), overridden by ``HOMEPROD_ENDPOINT``, ``HOMEPROD_TOKEN``, ``HOMEPROD_USER``,
    ``HOMEPROD_CA_FILE`` and ``HOMEPROD_FINGERPRINT`` in ``env``; several endpoints or fingerprints stand there with
    commas between them. ``ask`` prompts for a token or password (without echo) where there is none.

    Another endpoint by the environment never inherits the site's trust, and is never sent the site's token or
    password. Raises UsageError, which shows no secret.
    """
    known, pins = _list(endpoint), _list(fingerprint)
    endpoints = _split(env.get(ENDPOINT, "")) or known
    if not endpoints:
        raise UsageError("no endpoint is given", hint=f"name the cluster in the site, or set {ENDPOINT}")
    source = Source(token_file, user, password_file)
    if not set(endpoints) <= set(known):
        source, ca_file, pins = Source(), None, ()
    elif len(pins) == len(known):
        pins = tuple(pins[known.index(one)] for one in endpoints)
    trusts = _resolve_trust(env, ca_file, pins, len(endpoints))
    first, *further = zip(map(Endpoint.parse, endpoints), trusts, strict=True)
    return Settings(first[0], find_credential(env, source, ask), first[1], tuple(further))


def is_credential_given(
    env: Mapping[str, str], *, endpoint: str | Sequence[str] = (), token_file: Path | None = None, user: str = ""
) -> bool:
    """Whether ``resolve_settings`` would find a token, or who logs in, without asking; forms and files are not looked
    at."""
    known = _list(endpoint)
    is_elsewhere = not set(_split(env.get(ENDPOINT, "")) or known) <= set(known)
    return (Source() if is_elsewhere else Source(token_file, user)).is_given(env)


def _list(one_or_several: str | Sequence[str]) -> tuple[str, ...]:
    several = (one_or_several,) if isinstance(one_or_several, str) else one_or_several
    return tuple(one for one in several if one)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


def _resolve_trust(
    env: Mapping[str, str], ca_file: Path | None, pins: Sequence[str], count: int
) -> tuple[Trust, ...]:
    """For each endpoint. What the environment says replaces what the site says, either kind."""
    pins = _split(env.get(FINGERPRINT, "")) or (() if env.get(CA_FILE) else tuple(pins))
    if pins:
        if len(pins) not in (1, count):
            hint = "give one for each endpoint, in the same order; or the cluster's CA file, which is good for all"
            raise UsageError(f"there are {count} endpoints and {len(pins)} fingerprints", hint=hint)
        several = pins if len(pins) == count else pins * count
        return tuple(Trust(fingerprint=parse_fingerprint(pin)) for pin in several)
    file = Path(env[CA_FILE]) if env.get(CA_FILE) else ca_file
    return (Trust(ca_file=file.expanduser() if file else None),) * count
