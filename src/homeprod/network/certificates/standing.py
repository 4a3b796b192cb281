"""Standing: how it is with a certificate that a server shows, in a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from homeprod.core.hostname import NamePattern
from homeprod.network.certificates.chain import Chain


@dataclass(frozen=True, slots=True)
class Standing:
    """``days`` are whole ones that are left, below zero where it has expired. ``trouble`` is for a person to look
    into; empty where all is well."""

    serial: str
    ends: datetime
    days: int
    trouble: str


def judge(der: bytes, name: str, now: datetime) -> Standing:
    """Of what was shown for the name; for one below `invalid` any is right. Raises ValueError where it is none."""
    shown = Chain((x509.load_der_x509_certificate(der),))
    life = shown.life
    return Standing(
        shown.serial, life.last.astimezone(UTC), life.find_rest(now).days, _find_trouble(shown, name, now)
    )


def _find_trouble(shown: Chain, name: str, now: datetime) -> str:
    if shown.is_placeholder:
        return "a placeholder is shown: no certificate was had yet"
    if now > shown.life.last:
        return f"it has expired on {shown.life.last:%Y-%m-%d}"
    if not name.endswith(".invalid") and not any(_covers(own, name) for own in shown.names):
        return f"one for {', '.join(sorted(shown.names)) or 'no name'} is shown for {name}"
    if shown.life.is_low(now):
        return "less than a third of its life is left: it should have been renewed"
    return ""


def _covers(own: str, name: str) -> bool:
    try:
        return NamePattern.parse(own).covers(NamePattern.parse(name))
    except ValueError:
        return False
