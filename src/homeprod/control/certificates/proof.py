"""Proof: what a public authority wants to see before it certifies a name (RFC 8555, section 8), and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["dns-01", "http-01"]


@dataclass(frozen=True, slots=True)
class Proof:
    """``name`` is the one that is proven, without a star. By http-01 ``place`` is the last part of the path below
    ``/.well-known/acme-challenge/``, and ``value`` what is answered there; by dns-01 ``place`` is a name in DNS, and
    ``value`` its TXT record. Two proofs may have one place: a zone's and its wildcard's."""

    name: str
    place: str
    value: str


class Stage(Protocol):
    """Where proofs of one kind are shown for as long as an order lasts. Both raise CertificateError."""

    @property
    def kind(self) -> Kind: ...

    def show(self, proofs: Sequence[Proof]) -> None:
        """Returns when the authority can see all of them."""

    def clear(self, proofs: Sequence[Proof]) -> None:
        """Take them away; those that are not there too."""
