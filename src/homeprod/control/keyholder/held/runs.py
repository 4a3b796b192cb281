"""Open runs: which run may ask for which vault password, by a nonce that lives as long as the run."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from homeprod.control.keyholder.errors import KeyholderError

MOST = 1024
"""Open at once; a node runs a few."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    environment: str
    run: str
    uid: int
    nonce: str = field(repr=False)


class OpenRuns:
    def __init__(self) -> None:
        self._runs: dict[str, OpenRun] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def open(self, environment: str, run: str, uid: int) -> str:
        """Its nonce. Raises KeyholderError where too many are open, which somebody forgot to close."""
        if len(self._runs) >= MOST:
            hint = "restart the daemon, which closes them all:\n\n  systemctl restart homeprod-control"
            raise KeyholderError(f"{MOST} runs are open already", hint=hint, kind="BusyError")
        nonce = secrets.token_urlsafe(32)
        self._runs[nonce] = OpenRun(environment, run, uid, nonce)
        return nonce

    def close(self, nonce: str) -> bool:
        """Whether there was one."""
        return self._runs.pop(nonce, None) is not None

    def close_all(self) -> int:
        """How many there were."""
        closed = len(self._runs)
        self._runs.clear()
        return closed

    def find(self, environment: str, uid: int, nonce: bytes) -> OpenRun | None:
        """The run that may ask. Compared in constant time."""
        matching = [run for run in self._runs.values() if hmac.compare_digest(run.nonce.encode(), nonce)]
        return next((run for run in matching if (run.environment, run.uid) == (environment, uid)), None)
