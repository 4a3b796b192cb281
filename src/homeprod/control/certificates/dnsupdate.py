"""Proofs in DNS, by dynamic updates (RFC 2136) that are signed with a key of the server's (TSIG, RFC 8945)."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from homeprod.control.certificates.proof import Proof
from homeprod.core.errors import CertificateError

SECONDS = 10.0
"""For one answer."""
Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]


@dataclass(frozen=True, slots=True)
class DnsUpdate:
    """``server`` is the address of the zone's primary server; ``key_name`` and ``key`` (base64) are what it knows us
    by. With an ``alias`` all records are put there, where CNAMEs of ``_acme-challenge`` lead to: so the key is good
    for that zone alone. ``settle`` are the seconds that secondary servers take to have it too."""

    server: str
    zone: str
    key_name: str
    key: str = field(repr=False)
    algorithm: Algorithm = "hmac-sha256"
    port: int = 53
    alias: str = ""
    settle: float = 0.0
    kind: Literal["dns-01"] = "dns-01"

    def show(self, proofs: Sequence[Proof]) -> None:
        """One update for all of them. Raises CertificateError."""

        def add(update: dns.update.UpdateMessage) -> None:
            for proof in proofs:
                update.add(self._place(proof), _TTL, dns.rdatatype.TXT, f'"{proof.value}"')

        self._send(add)
        time.sleep(self.settle)

    def clear(self, proofs: Sequence[Proof]) -> None:
        """Those values alone: somebody else may prove something there. Raises CertificateError."""

        def remove(update: dns.update.UpdateMessage) -> None:
            for proof in proofs:
                update.delete(self._place(proof), dns.rdatatype.TXT, f'"{proof.value}"')

        self._send(remove)

    def _place(self, proof: Proof) -> dns.name.Name:
        """Raises CertificateError where it is no name of the zone."""
        place, zone = dns.name.from_text(self.alias or proof.place), dns.name.from_text(self.zone)
        if not place.is_subdomain(zone):
            hint = "name the zone that it lies in, or an alias in this one that a CNAME leads to"
            raise CertificateError(f"{place} is no name of the zone {zone}", where=self.server, hint=hint)
        return place

    def _send(self, fill: Callable[[dns.update.UpdateMessage], None]) -> None:
        key = self._read_key()
        with self._explain():
            update = dns.update.UpdateMessage(self.zone, keyring=key)
            fill(update)
            answer = dns.query.tcp(update, self.server, timeout=SECONDS, port=self.port)
        if answer.rcode() != dns.rcode.NOERROR:
            code = dns.rcode.to_text(answer.rcode())
            hint = f"see what it lets the key {self.key_name} update, and its log"
            raise CertificateError(
                f"the DNS server refused the update of {self.zone}: {code}", where=self.server, hint=hint
            )

    def _read_key(self) -> dns.tsig.Key:
        """Raises CertificateError; nothing of the key is in it."""
        try:
            ip_address(self.server)
        except ValueError:
            hint = "write the address of the zone's primary server"
            raise CertificateError("the DNS server is no address", where=self.server, hint=hint) from None
        try:
            secret = base64.b64decode(self.key, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not secret:
            hint = "base64 is expected, as tsig-keygen or keymgr prints it"
            raise CertificateError(f"the key {self.key_name} for DNS is none", where=self.server, hint=hint)
        return dns.tsig.Key(self.key_name, secret, self.algorithm)

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadTime, dns.message.UnknownTSIGKey) as error:
            message = f"the DNS server does not believe the key {self.key_name}: {type(error).__name__}"
            hint = "compare name, algorithm and key with the server's; and the clocks"
        except (dns.exception.DNSException, OSError, EOFError) as error:
            message = f"the DNS server cannot be asked: {_find_reason(error)}"
            hint = f"look whether it has {self.zone}, and answers at port {self.port} by TCP"
        else:
            return
        raise CertificateError(message, where=self.server, hint=hint)


_TTL = 60


def _find_reason(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "it does not answer in time"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
