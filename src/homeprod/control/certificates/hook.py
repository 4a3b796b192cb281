"""Proofs in DNS, by a program of a person's own: for every provider that has no dynamic updates.

It is called twice for an order, and reads one JSON object from its standard input:

    {"action": "show" | "clear", "records": [{"name": "_acme-challenge.example.com", "value": "…"}], "secret": "…"}

It ends with 0 when every server of the zone answers so; where it could not, with anything else, and a line on its
standard error that says why. `clear` may name records that are not there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from homeprod.control.certificates.proof import Proof
from homeprod.core.errors import CertificateError

LIMIT = 300.0
"""Seconds: some providers take minutes."""


@dataclass(frozen=True, slots=True)
class DnsHook:
    """``command`` is the program and its arguments; ``secret`` (a provider's token) reaches it by its standard input
    alone."""

    command: tuple[str, ...]
    secret: str = field(default="", repr=False)
    limit: float = LIMIT
    kind: Literal["dns-01"] = "dns-01"

    def show(self, proofs: Sequence[Proof]) -> None:
        """Raises CertificateError."""
        self._call("show", proofs)

    def clear(self, proofs: Sequence[Proof]) -> None:
        """Raises CertificateError."""
        self._call("clear", proofs)

    def _call(self, action: str, proofs: Sequence[Proof]) -> None:
        records = [{"name": proof.place, "value": proof.value} for proof in proofs]
        told = json.dumps({"action": action, "records": records, "secret": self.secret})
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise self._fail(f"cannot be run: {error.strerror}") from None
        with process:
            try:
                _, talk = process.communicate(told, self.limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # what it started as well
                raise self._fail(f"did not end within {self.limit:g} seconds") from None
        if process.returncode:
            raise self._fail(f"failed: {self._find_words(talk) or f'exit code {process.returncode}'}")

    def _find_words(self, talk: str) -> str:
        """Its last line, without the secret."""
        last = next((line for line in reversed(talk.splitlines()) if line.strip()), "")
        cleared = last.replace(self.secret, "…") if self.secret else last
        return "".join(sign for sign in cleared if sign.isprintable())[:300]

    def _fail(self, words: str) -> CertificateError:
        hint = "run it by hand; what it is told stands in docs/how-to/certificates.md"
        return CertificateError(f"the DNS hook {words}", where=self.command[0], hint=hint)
