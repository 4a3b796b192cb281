"""Renewal: whether a proxy needs another certificate than it has, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import Chain, check_chain


def explain_renewal(
    chain: Chain | None,
    *,
    names: Iterable[str],
    key: CertificatePublicKeyTypes,
    now: datetime,
    suggested: datetime | None = None,
) -> str:
    """Why a new one is to be had; empty where the one that is there will do. ``suggested`` is its authority's word,
    where that is known."""
    wanted = frozenset(names)
    if chain is None or chain.is_placeholder:
        return "there is none yet"
    try:
        check_chain(chain, names=wanted, key=key, now=now)
    except CertificateError as error:
        return error.message
    if chain.names != wanted:
        return f"it is also for {', '.join(sorted(chain.names - wanted))}"
    if now >= chain.life.find_renewal(suggested):
        return "its authority suggests it now" if suggested is not None else "two thirds of its life are over"
    return ""
