"""Line: HTTPS requests to one endpoint, for many threads, with every foreign error mapped to ours.

It stands on urllib3 alone: see docs/decisions/0002-transport.md for what was measured.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as ExchangeTimeoutError

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox.transport.endpoint import API, Endpoint
from homeprod.drivers.proxmox.transport.trust import Trust, explain_tls_error

_REACH_HINT = "check the endpoint (the site's, or HOMEPROD_ENDPOINT), the network, and that the node is up"


@dataclass(frozen=True, slots=True)
class Limits:
    """``pool`` connections at once (more threads wait for one); time-outs in seconds. They are more than an apply has
    threads: a node that hangs may keep all of these, and the lease must be renewed meanwhile.

    ``read`` is longer than the 30 s after which Proxmox itself gives up on a hop to another node.
    """

    pool: int = 48
    connect: float = 10.0
    read: float = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is below ``/api2/json``, with its query. ``is_repeatable`` where doing it twice is as good as once;
    ``read_timeout`` in seconds, where it is not the usual one."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str | IO[bytes] | None = None
    read_timeout: float | None = None
    is_repeatable: bool = False


class UnreachedError(Exception):
    """Nothing was sent: the endpoint could not be reached. ``error`` is what to tell where there is no other."""

    def __init__(self, error: ProxmoxError) -> None:
        super().__init__(str(error))
        self.error = error


class SilentError(TransientError):
    """No answer in time: whether the request was done is not known."""


class Line:
    """To one endpoint, its certificate verified as ``trust`` says."""

    def __init__(self, endpoint: Endpoint, trust: Trust, limits: Limits) -> None:
        self.endpoint, self.trust, self.limits = endpoint, trust, limits
        self.has_answered = False
        self._pool = urllib3.HTTPSConnectionPool(
            endpoint.host,
            endpoint.port,
            maxsize=limits.pool,
            block=True,
            ssl_context=trust.make_context(),
            assert_fingerprint=trust.fingerprint or None,
        )

    def close(self) -> None:
        self._pool.close()

    def exchange(self, request: Request) -> urllib3.BaseHTTPResponse:
        """The answer, whatever its status. Raises UnreachedError before anything was sent, SilentError, and
        ProxmoxError for a certificate that is not believed or a connection that broke off."""
        timeout = urllib3.Timeout(connect=self.limits.connect, read=request.read_timeout or self.limits.read)
        try:
            answer = self._pool.urlopen(
                request.method,
                f"{self.endpoint.prefix}{API}{request.path}",
                body=request.body,
                headers=request.headers,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
            self.has_answered = True
            return answer
        except HTTPError as error:
            # `from None`: the frames below hold the request with its secrets.
            raise self._explain_failure(error, request) from None
        except OSError as error:
            raise self._explain_break(error, request) from None

    def _name(self, request: Request) -> str:
        return f"{request.method} {self.endpoint}{API}{request.path.partition('?')[0]}"

    def _explain_failure(self, error: HTTPError, request: Request) -> ProxmoxError | UnreachedError:
        if isinstance(error, SSLError) and not _is_cut(error):
            return explain_tls_error(error, self.trust, self.endpoint.host, self.endpoint.port)
        if isinstance(error, NameResolutionError):
            return UnreachedError(self._explain_name(error))
        if isinstance(error, NewConnectionError):
            reason = str(error).rpartition("] ")[2]
            told = TransientError(f"cannot connect: {reason}", where=str(self.endpoint), hint=_REACH_HINT)
            return UnreachedError(told)
        if isinstance(error, ExchangeTimeoutError):
            seconds = re.search(r"timeout=([\d.]+)", str(error))
            silent = SilentError(
                "no answer" + (f" within {float(seconds[1]):g} s" if seconds else ""),
                where=self._name(request),
                hint=_REACH_HINT,
            )
            return UnreachedError(silent) if isinstance(error, ConnectTimeoutError) else silent
        return self._explain_break(error, request)

    def _explain_name(self, error: NameResolutionError) -> ProxmoxError:
        cause = error.__cause__
        for_now = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
        kind = TransientError if for_now else ProxmoxError
        reason = cause.strerror if isinstance(cause, socket.gaierror) else "the name is not known"
        return kind(
            f"cannot find the host {self.endpoint.host}: {reason}", where=str(self.endpoint), hint=_REACH_HINT
        )

    def _explain_break(self, error: Exception, request: Request) -> TransientError:
        reason = type(error).__name__ if not str(error) else str(error).strip("()'\"").split("'")[0].strip(",. ")
        reason = re.sub(r"\s*\(_ssl\.c.*", "", reason)
        return TransientError(f"the connection broke off: {reason}", where=self._name(request), hint=_REACH_HINT)


def _is_cut(error: SSLError) -> bool:
    """Whether the other side went away during TLS's own words, which says nothing of its certificate."""
    causes = [error.__cause__, error.__context__, *error.args]
    return any(isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in causes)
