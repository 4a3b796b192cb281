"""Connection: HTTPS requests to one endpoint, for many threads, with every foreign error mapped to ours.

It stands on urllib3 alone: see docs/decisions/0002-transport.md for what was measured.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as ExchangeTimeoutError

from homeprod.core.errors import ProxmoxError, TransientError, UsageError
from homeprod.drivers.proxmox.transport.credential import Credential, Login, SecretText
from homeprod.drivers.proxmox.transport.refusal import explain_refusal, read_refusal
from homeprod.drivers.proxmox.transport.retry import Backoff, read_patiently
from homeprod.drivers.proxmox.transport.ticket import TicketHolder
from homeprod.drivers.proxmox.transport.trust import Trust, explain_tls_error

DEFAULT_PORT = 8006
API = "/api2/json"
Parameter = str | int | bool | list[str]
_REACH_HINT = "check the endpoint (the site's, or HOMEPROD_ENDPOINT), the network, and that the node is up"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``prefix`` is the path before ``/api2``, for who has Proxmox behind a reverse proxy."""

    host: str
    port: int = DEFAULT_PORT
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``https://HOST:PORT``, or the host alone; raises UsageError. There is no ``http``."""
        parts = urlsplit(text if "://" in text else f"https://{text}")
        try:
            port = parts.port or DEFAULT_PORT
        except ValueError:
            port = 0
        fits = parts.scheme == "https" and parts.hostname and port and not (parts.query or parts.fragment)
        if not fits or parts.username is not None:
            raise UsageError(
                "the endpoint is not of the right form" + ("" if parts.scheme == "https" else ": it must be https"),
                where=text if parts.username is None else "",
                hint="write it as https://pve.example.org:8006",
            )
        return cls(str(parts.hostname), port, parts.path.rstrip("/").removesuffix(API))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}{self.prefix}"


@dataclass(frozen=True, slots=True)
class Limits:
    """``pool`` connections at once (more threads wait for one); time-outs in seconds.

    ``read`` is longer than the 30 s after which Proxmox itself gives up on a hop to another node.
    """

    pool: int = 16
    connect: float = 10.0
    read: float = 60.0


class Connection:
    """Safe for use by several threads. Reads are repeated on transient errors, writes never: whoever writes knows
    whether repeating is safe."""

    def __init__(
        self,
        endpoint: Endpoint,
        credential: Credential,
        trust: Trust | None = None,
        *,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.endpoint, self.credential = endpoint, credential
        self.trust, self.limits, self.backoff = trust or Trust(), limits or Limits(), backoff or Backoff()
        self._pool = self._make_pool()
        self._tickets: TicketHolder | None = None
        self._token_headers: dict[str, str] = {}
        if isinstance(credential, Login):
            self._tickets = TicketHolder(credential, self._log_in)
        else:
            self._token_headers["Authorization"] = SecretText(f"PVEAPIToken={credential}={credential.secret}")
        self._lock = threading.Lock()
        self._sent = 0
        self._has_answered = False

    def _make_pool(self) -> urllib3.HTTPSConnectionPool:
        return urllib3.HTTPSConnectionPool(
            self.endpoint.host,
            self.endpoint.port,
            maxsize=self.limits.pool,
            block=True,
            ssl_context=self.trust.make_context(),
            assert_fingerprint=self.trust.fingerprint or None,
        )

    def __repr__(self) -> str:
        return f"Connection({self.endpoint}, {self.credential})"

    @property
    def api_calls(self) -> int:
        """HTTP requests sent so far, repeated ones and log-ins included."""
        return self._sent

    def close(self) -> None:
        self._pool.close()

    def get(self, path: str, **parameters: Parameter) -> Any:
        """The answer's ``data``. Transient errors are survived a few times, but not the very first contact failing:
        an endpoint that was never reached is told at once."""
        return self.parse("GET", path, self.fetch(path, **parameters))

    def fetch(self, path: str, **parameters: Parameter) -> bytes:
        """The body that ``get`` would parse: who reads much at once fetches in threads and parses in one."""
        query = f"?{encode_form(parameters)}" if parameters else ""

        def read() -> bytes:
            return self._send("GET", path, query)

        return read_patiently(read, self.backoff if self._has_answered else Backoff(1))

    def post(self, path: str, parameters: Mapping[str, Parameter] | None = None) -> Any:
        return self._send_form("POST", path, parameters or {})

    def put(self, path: str, parameters: Mapping[str, Parameter]) -> Any:
        return self._send_form("PUT", path, parameters)

    def delete(self, path: str, **parameters: Parameter) -> Any:
        """Parameters go into the address: Proxmox refuses a DELETE with a body (501)."""
        body = self._send("DELETE", path, f"?{encode_form(parameters)}" if parameters else "")
        return self.parse("DELETE", path, body)

    def send_stream(self, path: str, body: IO[bytes], length: int, content_type: str, *, timeout: float) -> Any:
        """POST a body of ``length`` bytes as it is read; ``timeout`` is for the answer after it, in seconds."""
        headers = {"Content-Type": content_type, "Content-Length": str(length)}
        return self.parse("POST", path, self._send("POST", path, body=body, headers=headers, read_timeout=timeout))

    def _send_form(self, method: str, path: str, parameters: Mapping[str, Parameter]) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.parse(method, path, self._send(method, path, body=encode_form(parameters), headers=headers))

    def _send(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        body: str | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
    ) -> bytes:
        """The body of an answer that is no refusal."""
        authority = self._authorise(method)
        everything = {**authority, **(headers or {})}
        answer = self._exchange(method, path + query, body, everything, read_timeout)
        if answer.status == 401 and self._tickets is not None and not hasattr(body, "read"):
            # The ticket ran out or was withdrawn; a refused request was not executed, so a write may go again.
            self._tickets.forget(authority)
            everything.update(self._authorise(method))
            answer = self._exchange(method, path + query, body, everything, read_timeout)
        return self._accept(method, path, answer)

    def _authorise(self, method: str) -> dict[str, str]:
        if self._tickets is not None:
            return self._tickets.headers(method)
        return dict(self._token_headers)

    def _log_in(self, parameters: Mapping[str, str]) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = SecretText(encode_form(parameters))
        answer = self._exchange("POST", "/access/ticket", body, headers, None)
        return self.parse("POST", "/access/ticket", self._accept("POST", "/access/ticket", answer))

    def _exchange(
        self,
        method: str,
        path: str,
        body: str | IO[bytes] | None,
        headers: Mapping[str, str],
        read_timeout: float | None,
    ) -> urllib3.BaseHTTPResponse:
        with self._lock:
            self._sent += 1
        timeout = urllib3.Timeout(connect=self.limits.connect, read=read_timeout or self.limits.read)
        try:
            answer = self._pool.urlopen(
                method,
                f"{self.endpoint.prefix}{API}{path}",
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            # `from None`: the frames below hold the request with its secrets.
            raise self._explain_failure(error, method, path) from None
        except OSError as error:
            raise self._explain_break(error, method, path) from None
        self._has_answered = True
        return answer

    def _accept(self, method: str, path: str, answer: urllib3.BaseHTTPResponse) -> bytes:
        if answer.status >= 400:
            refusal = read_refusal(method, path, answer.status, answer.reason or "", answer.data)
            raise explain_refusal(refusal, self.credential)
        return answer.data

    def parse(self, method: str, path: str, body: bytes) -> Any:
        """The ``data`` of an answer's body. Raises ProxmoxError for one that is not Proxmox's."""
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            raise ProxmoxError(
                "what answers there is not Proxmox VE",
                where=f"{method} {self.endpoint}{API}{path}",
                hint="check host and port of the endpoint; Proxmox VE listens on 8006",
            ) from None

    def _explain_failure(self, error: HTTPError, method: str, path: str) -> ProxmoxError:
        if isinstance(error, SSLError):
            return explain_tls_error(error, self.trust, self.endpoint.host, self.endpoint.port)
        if isinstance(error, NameResolutionError):
            return self._explain_name(error)
        if isinstance(error, NewConnectionError):
            reason = str(error).rpartition("] ")[2]
            return TransientError(f"cannot connect: {reason}", where=str(self.endpoint), hint=_REACH_HINT)
        if isinstance(error, ExchangeTimeoutError):
            seconds = re.search(r"timeout=([\d.]+)", str(error))
            within = f" within {float(seconds[1]):g} s" if seconds else ""
            return TransientError(
                f"no answer{within}", where=f"{method} {self.endpoint}{API}{path}", hint=_REACH_HINT
            )
        return self._explain_break(error, method, path)

    def _explain_name(self, error: NameResolutionError) -> ProxmoxError:
        cause = error.__cause__
        for_now = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
        kind = TransientError if for_now else ProxmoxError
        reason = cause.strerror if isinstance(cause, socket.gaierror) else "the name is not known"
        return kind(
            f"cannot find the host {self.endpoint.host}: {reason}", where=str(self.endpoint), hint=_REACH_HINT
        )

    def _explain_break(self, error: Exception, method: str, path: str) -> TransientError:
        reason = type(error).__name__ if not str(error) else str(error).strip("()'\"").split("'")[0].strip(",. ")
        return TransientError(
            f"the connection broke off: {reason}", where=f"{method} {self.endpoint}{API}{path}", hint=_REACH_HINT
        )


def join_path(*segments: str | int) -> str:
    """A path below ``/api2/json``; each segment percent-encoded but for ``:``, which volume ids hold."""
    return "".join(f"/{quote(str(segment), safe=':')}" for segment in segments)


def encode_form(parameters: Mapping[str, Parameter]) -> str:
    """As ``application/x-www-form-urlencoded``. Everything is percent-encoded, since Proxmox splits on ``;`` as well
    as on ``&``; a list repeats its key; a boolean is 1 or 0."""
    return urlencode(list(_flatten(parameters)), quote_via=quote, safe="")


def _flatten(parameters: Mapping[str, Parameter]) -> Iterable[tuple[str, str]]:
    for name, value in parameters.items():
        if isinstance(value, list):
            yield from ((name, item) for item in value)
        else:
            yield name, str(int(value)) if isinstance(value, bool) else str(value)
