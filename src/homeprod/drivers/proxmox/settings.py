"""How to reach a cluster: endpoint, token and trust, from the site and the environment. Resolving is pure but for
reading the token's file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox.transport.connection import Endpoint
from homeprod.drivers.proxmox.transport.credential import Credential, parse_token
from homeprod.drivers.proxmox.transport.trust import Trust, parse_fingerprint

ENDPOINT, TOKEN, CA_FILE, FINGERPRINT = (
    "HOMEPROD_ENDPOINT",
    "HOMEPROD_TOKEN",
    "HOMEPROD_CA_FILE",
    "HOMEPROD_FINGERPRINT",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a connection needs. Its repr shows no secret."""

    endpoint: Endpoint
    credential: Credential
    trust: Trust = field(default_factory=Trust)


def resolve_settings(
    env: Mapping[str, str],
    *,
    endpoint: str = "",
    token_file: Path | None = None,
    ca_file: Path | None = None,
    fingerprint: str = "",
    ask: Callable[[str], str] | None = None,
) -> Settings:
    """The site's own values (keywords), overridden by ``HOMEPROD_ENDPOINT``, ``HOMEPROD_TOKEN``, ``HOMEPROD_CA_FILE``
    and ``HOMEPROD_FINGERPRINT`` in ``env``. ``ask`` prompts for a token (without echo) where there is none.

    Another endpoint by the environment never inherits the site's trust, and is never sent the site's token. Raises
    UsageError, which shows no secret.
    """
    where = env.get(ENDPOINT) or endpoint
    if not where:
        raise UsageError("no endpoint is given", hint=f"name the cluster in the site, or set {ENDPOINT}")
    if env.get(ENDPOINT) and env.get(ENDPOINT) != endpoint:
        token_file, ca_file, fingerprint = None, None, ""
    return Settings(
        Endpoint.parse(where),
        parse_token(_find_token(env, token_file, ask)),
        _resolve_trust(env, ca_file, fingerprint),
    )


def is_token_given(env: Mapping[str, str], *, endpoint: str = "", token_file: Path | None = None) -> bool:
    """Whether ``resolve_settings`` would find a token without asking; its form and file are not looked at."""
    if env.get(TOKEN):
        return True
    is_elsewhere = bool(env.get(ENDPOINT)) and env.get(ENDPOINT) != endpoint
    return not is_elsewhere and token_file is not None and token_file.expanduser().exists()


def _resolve_trust(env: Mapping[str, str], ca_file: Path | None, fingerprint: str) -> Trust:
    """What the environment says replaces what the site says, either kind."""
    if env.get(FINGERPRINT):
        return Trust(fingerprint=parse_fingerprint(env[FINGERPRINT]))
    if env.get(CA_FILE):
        return Trust(ca_file=Path(env[CA_FILE]).expanduser())
    if fingerprint:
        return Trust(fingerprint=parse_fingerprint(fingerprint))
    return Trust(ca_file=ca_file.expanduser() if ca_file else None)


def _find_token(env: Mapping[str, str], file: Path | None, ask: Callable[[str], str] | None) -> str:
    if env.get(TOKEN):
        return env[TOKEN]
    if file is not None and (file := file.expanduser()).exists():
        return read_token_file(file)
    if ask is not None:
        return ask("API token (USER@REALM!ID=SECRET): ")
    raise UsageError(
        "no API token is given",
        where=str(file or ""),
        hint=f"set {TOKEN}, or write it to the site's token file (mode 0600); never on the command line",
    )


def read_token_file(file: Path) -> str:
    """The token in a file that only its owner may read; raises UsageError."""
    try:
        with file.open() as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(
                    f"others may read the token file (mode {stat.S_IMODE(mode):04o})",
                    where=str(file),
                    hint=f"chmod 600 {file}",
                )
            return stream.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"cannot read the token file: {reason}", where=str(file)) from None
