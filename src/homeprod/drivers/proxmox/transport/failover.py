"""Failover: several endpoints of one cluster, of which one is in use until it fails.

A request that was never sent goes to the next endpoint, whatever it is. One whose answer is missing goes there only
where it reads: whether a write was done nobody here knows, and the engine decides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import urllib3

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.drivers.proxmox.transport.line import Line, Request, SilentError, UnreachedError

HOP_FAILED = frozenset({595, 596, 599})
"""The endpoint answers, and does not reach the node that is asked for; another one may."""
Tell = Callable[[str], None]


class Failover:
    """Safe for use by several threads. ``tell`` is called once for each endpoint that is left, with a sentence."""

    def __init__(self, lines: Sequence[Line], tell: Tell | None = None) -> None:
        self._lines, self._tell = tuple(lines), tell
        self._current = self._lines[0]
        self._lock = threading.Lock()
        self.left: dict[Endpoint, str] = {}
        """Endpoints that were left, and why."""
        self.sent = 0
        """Requests sent so far, or tried to be."""

    @property
    def has_answered(self) -> bool:
        """Whether any of them ever did."""
        return any(line.has_answered for line in self._lines)

    @property
    def endpoint(self) -> Endpoint:
        """The one in use."""
        return self._current.endpoint

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def exchange(self, request: Request) -> urllib3.BaseHTTPResponse:
        """The first endpoint's answer, the one in use first. Raises as Line does, but for UnreachedError."""
        failures: list[ProxmoxError] = []
        refused: urllib3.BaseHTTPResponse | None = None
        order = self._order()
        for line, following in zip(order, [*order[1:], None], strict=True):
            try:
                answer = self._ask(line, request)
            except UnreachedError as unreached:
                failures.append(unreached.error)
                self._leave(line, following, unreached.error.message)
                continue
            except TransientError as failed:
                # One that has answered before and only broke off may answer again: who reads repeats it.
                if isinstance(failed, SilentError) or not line.has_answered:
                    self._leave(line, following, failed.message)
                    if request.is_repeatable:
                        failures.append(failed)
                        continue
                raise
            if answer.status not in HOP_FAILED or not request.is_repeatable:
                return self._accept(line, answer, refused)
            refused = refused or answer
        if refused is not None:
            return refused
        raise _join(failures)

    def _order(self) -> list[Line]:
        first = self._lines.index(self._current)
        return [*self._lines[first:], *self._lines[:first]]

    def _ask(self, line: Line, request: Request) -> urllib3.BaseHTTPResponse:
        with self._lock:
            self.sent += 1
        return line.exchange(request)

    def _accept(
        self, line: Line, answer: urllib3.BaseHTTPResponse, refused: urllib3.BaseHTTPResponse | None
    ) -> urllib3.BaseHTTPResponse:
        if refused is not None:  # the one in use does not reach a node that this one reaches
            self._leave(self._current, line, f"does not reach a node (status {refused.status})")
        return answer

    def _leave(self, line: Line, following: Line | None, why: str) -> None:
        with self._lock:
            if following is None or line is not self._current:
                return
            self._current = following
            is_news = line.endpoint not in self.left
            self.left[line.endpoint] = why
        if is_news and self._tell is not None:
            self._tell(f"{line.endpoint}: {why}; going on with {following.endpoint}")


def _join(failures: Sequence[ProxmoxError]) -> ProxmoxError:
    """One error for all endpoints; with a single one, just its own."""
    if len(failures) == 1:
        return failures[0]
    is_transient = any(isinstance(error, TransientError) for error in failures)
    told = "".join(f"\n  {error}" for error in failures)
    kind = TransientError if is_transient else ProxmoxError
    return kind(f"none of the {len(failures)} endpoints answers{told}", hint=failures[0].hint)
