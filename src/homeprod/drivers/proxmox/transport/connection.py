"""Connection: requests to one cluster by whichever of its endpoints answers, for many threads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any
from urllib.parse import quote, urlencode

import urllib3

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox.transport.credential import Credential, Login, SecretText
from homeprod.drivers.proxmox.transport.endpoint import API, Endpoint
from homeprod.drivers.proxmox.transport.failover import Failover, Tell
from homeprod.drivers.proxmox.transport.line import Limits, Line, Request
from homeprod.drivers.proxmox.transport.refusal import explain_refusal, read_refusal
from homeprod.drivers.proxmox.transport.retry import Backoff, read_patiently
from homeprod.drivers.proxmox.transport.ticket import TicketHolder
from homeprod.drivers.proxmox.transport.trust import Trust

Parameter = str | int | bool | list[str]
Way = tuple[Endpoint, Trust]
"""An endpoint, and whom to believe there."""


class Connection:
    """Safe for use by several threads. Reads are repeated on transient errors, writes never: whoever writes knows
    whether repeating is safe. ``further`` are other endpoints of the same cluster, used where the first fails;
    ``tell`` hears of it."""

    def __init__(
        self,
        endpoint: Endpoint,
        credential: Credential,
        trust: Trust | None = None,
        *,
        further: Sequence[Way] = (),
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.credential = credential
        self.limits, self.backoff = limits or Limits(), backoff or Backoff()
        ways = [(endpoint, trust or Trust()), *further]
        self._failover = Failover([Line(*way, self.limits) for way in ways], tell)
        self._tickets: TicketHolder | None = None
        self._token_headers: dict[str, str] = {}
        if isinstance(credential, Login):
            self._tickets = TicketHolder(credential, self._log_in)
        else:
            self._token_headers["Authorization"] = SecretText(f"PVEAPIToken={credential}={credential.secret}")

    def __repr__(self) -> str:
        return f"Connection({self.endpoint}, {self.credential})"

    @property
    def endpoint(self) -> Endpoint:
        """The one in use now."""
        return self._failover.endpoint

    @property
    def left(self) -> Mapping[Endpoint, str]:
        """Endpoints that did not answer, and why they were left."""
        return dict(self._failover.left)

    @property
    def api_calls(self) -> int:
        """HTTP requests sent so far, repeated ones and log-ins included."""
        return self._failover.sent

    def close(self) -> None:
        self._failover.close()

    def get(self, path: str, **parameters: Parameter) -> Any:
        """The answer's ``data``. Transient errors are survived a few times, but not the very first contact failing:
        an endpoint that was never reached is told at once."""
        return self.parse("GET", path, self.fetch(path, **parameters))

    def fetch(self, path: str, **parameters: Parameter) -> bytes:
        """The body that ``get`` would parse: who reads much at once fetches in threads and parses in one."""
        query = f"?{encode_form(parameters)}" if parameters else ""

        def read() -> bytes:
            return self._send("GET", path, query)

        return read_patiently(read, self.backoff if self._failover.has_answered else Backoff(1))

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

        def make_request(authority: Mapping[str, str]) -> Request:
            everything = {**authority, **(headers or {})}
            return Request(method, path + query, everything, body, read_timeout, is_repeatable=method == "GET")

        authority = self._authorise(method)
        answer = self._failover.exchange(make_request(authority))
        if answer.status == 401 and self._tickets is not None:
            # The ticket ran out or was withdrawn; a refused request was not executed, so a write may go again.
            self._tickets.forget(authority)
            authority = self._authorise(method)
            if hasattr(body, "read"):  # it was read, and whoever has it opens it again
                raise TransientError(
                    "the ticket was no longer good, and is renewed", where=f"{method} {path}", hint="repeat it"
                )
            answer = self._failover.exchange(make_request(authority))
        return self._accept(method, path, answer)

    def _authorise(self, method: str) -> dict[str, str]:
        if self._tickets is not None:
            return self._tickets.headers(method)
        return dict(self._token_headers)

    def _log_in(self, parameters: Mapping[str, str]) -> Any:
        path, headers = "/access/ticket", {"Content-Type": "application/x-www-form-urlencoded"}
        body = SecretText(encode_form(parameters))
        answer = self._failover.exchange(Request("POST", path, headers, body, is_repeatable=True))
        return self.parse("POST", path, self._accept("POST", path, answer))

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
