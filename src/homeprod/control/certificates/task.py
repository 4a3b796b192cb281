"""The task of the role `certificates`: one certificate of one proxy, renewed where that is due."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from homeprod.control.certificates.order import find_suggestion, order
from homeprod.control.certificates.own import have_signed
from homeprod.control.certificates.proof import Proof
from homeprod.control.certificates.settings import read_account, read_dns
from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import Chain, check_chain
from homeprod.network.certificates.renewal import explain_renewal
from homeprod.network.certificates.request import parse_request

Call = Callable[[Sequence[str], str], tuple[int, str]]
"""Runs a command on the proxy with that on its standard input: the exit code, and its complaints."""
_BLOCK = re.compile(r"-----BEGIN (CERTIFICATE(?: REQUEST)?)-----\n[^-]+-----END \1-----\n?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``by`` is dns-01, http-01 or site-ca; ``prepared`` is what the proxy has: its request and its chain, in PEM."""

    label: str
    names: tuple[str, ...]
    by: str
    prepared: str

    def list_blocks(self, kind: str) -> bytes:
        return "".join(
            f"{block[0].rstrip()}\n" for block in _BLOCK.finditer(self.prepared) if block[1] == kind
        ).encode()


@dataclass(frozen=True, slots=True)
class Proxy:
    """Shows proofs of http-01 at its own port 80: ``challenges`` is the folder that its web server answers from."""

    challenges: str
    call: Call
    kind: Literal["http-01"] = "http-01"

    def show(self, proofs: Sequence[Proof]) -> None:
        """Raises CertificateError where the proxy does not take them."""
        self._do(["mkdir", "-p", "-m", "0755", self._folder])
        for proof in proofs:
            self._do(["/bin/sh", "-c", 'umask 022; cat >"$1"', "sh", self._place(proof)], proof.value)

    def clear(self, proofs: Sequence[Proof]) -> None:
        """Raises CertificateError as :meth:`show`."""
        self._do(["rm", "-f", "--", *(self._place(proof) for proof in proofs)])

    @property
    def _folder(self) -> str:
        return f"{self.challenges}/.well-known/acme-challenge"

    def _place(self, proof: Proof) -> str:
        """Raises CertificateError for what is no token (RFC 8555, section 8.3): it becomes a file's name."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", proof.place):
            raise CertificateError("the authority's token is none")
        return f"{self._folder}/{proof.place}"

    def _do(self, words: Sequence[str], given: str = "") -> None:
        code, complaint = self.call(words, given)
        if code:
            said = (complaint.strip().splitlines() or [f"exit code {code}"])[-1]
            raise CertificateError(f"the proof cannot be put on the proxy: {said}", where=self._folder)


def renew(wanted: Wanted, settings: Mapping[str, Any], proxy: Proxy, *, only_looks: bool) -> dict[str, Any]:
    """What the task answers: ``changed`` and ``reason``, then ``chain`` and ``serial`` where one was had, or
    ``problem`` where it could not be. Nothing secret is among it."""
    try:
        return _renew(wanted, settings, proxy, only_looks=only_looks)
    except CertificateError as error:
        hint = f" ({' '.join(error.hint.split())})" if error.hint else ""
        return {"changed": False, "problem": f"{wanted.label}: {error}{hint}"}


def _renew(wanted: Wanted, settings: Mapping[str, Any], proxy: Proxy, *, only_looks: bool) -> dict[str, Any]:
    request = wanted.list_blocks("CERTIFICATE REQUEST")
    if only_looks and not request:
        return {"changed": True, "reason": "there is none yet"}
    key = parse_request(request, wanted.names, wanted.label).public_key()
    now, has = datetime.now(UTC), wanted.list_blocks("CERTIFICATE")
    chain = Chain.parse(has, wanted.label) if has else None
    reason = explain_renewal(chain, names=wanted.names, key=key, now=now)
    if not reason and chain is not None and wanted.by != "site-ca":
        suggested = find_suggestion(read_account(settings["acme"]), chain)
        reason = explain_renewal(chain, names=wanted.names, key=key, now=now, suggested=suggested)
    if not reason or only_looks:
        return {"changed": bool(reason), "reason": reason}
    had, leftover = _have_signed(wanted, request, settings, proxy)
    check_chain(had, names=wanted.names, key=key, now=datetime.now(UTC), where=wanted.label)
    told = {"warnings": [f"{wanted.label}: a proof could not be taken away: {leftover}"]} if leftover else {}
    return {"changed": True, "reason": reason, "chain": had.render().decode(), "serial": had.serial, **told}


def _have_signed(wanted: Wanted, request: bytes, settings: Mapping[str, Any], proxy: Proxy) -> tuple[Chain, str]:
    if wanted.by == "site-ca":
        path, nonce = (os.environ.get(f"HOMEPROD_{name}", "") for name in ("AUTHORITY_SOCKET", "VAULT_NONCE"))
        if not path:
            hint = "configure the proxy by the control node; it alone may ask"
            raise CertificateError("the site's own authority signs for runs of the control node", hint=hint)
        return Chain.parse(have_signed(request, path, nonce), path), ""
    stage = proxy if wanted.by == "http-01" else read_dns(settings["dns"])
    issued = order(read_account(settings["acme"]), request, stage)
    return issued.chain, issued.leftover
