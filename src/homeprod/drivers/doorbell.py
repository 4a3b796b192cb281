"""The client of a control node's door: rings, and the calls of people, each signed with a person's own key."""

from __future__ import annotations

import email.utils
import http.client
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from homeprod.core.errors import ControlError, UnreachableError, UsageError
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import ID, SIGNATURE, TIMESTAMP, call_content, render_signature, signed_content
from homeprod.drivers.doorwords import refuse, say_why_it_waits
from homeprod.drivers.pinned import SECONDS, Connect, PinnedLine, explain
from homeprod.drivers.signer import Signer

RING, PUSH = "/hooks/provision", "/hooks/push"
PATIENCE = 30.0
"""Seconds in all that a ring is tried again, where the node is busy or does not answer."""
_TRIES = 3
"""Connections that may fail before nobody is said to answer."""
_MOST_BYTES = 16 * 1024 * 1024
_AS_THEY_ARE = "/?&=%"
"""Of a path and its query; what a person typed must not end the request's line."""
_SILENCE = 60
"""Seconds without a byte after which a stream is taken for dead; the node sends something every 15."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``words`` is a line for a person. ``waits`` says why the host is not configured yet; it is empty where the ring
    was accepted for good, as ``run``."""

    words: str
    waits: str = ""
    run: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """``skew`` is how many seconds the node's clock is ahead of ours."""

    status: int
    body: dict[str, Any]
    retry_after: float
    skew: float

    @property
    def word(self) -> str:
        return str(self.body.get("error", ""))


class Doorbell:
    """``audience`` is the node behind it, as :func:`name_audience` names it. Without a ``signer`` only what needs no
    signature works. An answer is waited for as many ``seconds``. Safe for use by several threads at once."""

    def __init__(
        self,
        url: str,
        audience: str,
        certificate_pem: str,
        signer: Signer | None,
        connect: Connect,
        *,
        patience: float = PATIENCE,
        seconds: float = SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.url = url.rstrip("/")
        self.signer, self._audience = signer, audience
        self._certificate, self._connect = certificate_pem, connect
        self._patience, self._seconds, self._sleep, self._now = patience, seconds, sleep, now

    @property
    def certificate_pem(self) -> str:
        """The one that is believed."""
        return self._certificate

    def ring(self, host: str, instance: str, host_keys: tuple[str, ...]) -> Answer:
        """Say that a machine is there. The same id is sent again where the node is busy or the connection broke: it
        is one ring whatever arrives. Raises UnreachableError where nobody answers, ControlError where repeating it
        does not help."""
        body = json.dumps({"host": host, "instance": instance, "ssh_host_keys": list(host_keys)}).encode()
        reply = self._ring_patiently(_make_id(), body)
        if reply.status == 202:
            run = int(reply.body["run"])
            return Answer(f"accepted as run {run}", run=run)
        if (waits := say_why_it_waits(reply.word, reply.body, host)) is not None:
            return Answer(f"not configured yet: {waits}", waits)
        raise refuse(reply.status, reply.body, self.url, reply.skew)

    def status(self) -> dict[str, Any]:
        """As GET /status has it, to everybody; needs no key. Raises ControlError."""
        return self._require(self._send("GET", "/status", b"", {}))

    def knock(self) -> None:
        """Say that something was pushed; needs no key. Raises ControlError."""
        self._require(self._send("POST", PUSH, b"", {}))

    def get(self, path: str) -> dict[str, Any]:
        """Raises ControlError, UsageError where there is no key to sign with."""
        path = quote(path, safe=_AS_THEY_ARE)
        return self._require(self._send("GET", path, b"", self._sign_call("GET", path, b"")))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Sent once: where the connection breaks, whether it was done is to be looked up. Raises as :meth:`get`."""
        content, path = json.dumps(body or {}).encode(), quote(path, safe=_AS_THEY_ARE)
        return self._require(self._send("POST", path, content, self._sign_call("POST", path, content)))

    def follow(self, path: str) -> Iterator[dict[str, Any]]:
        """What a stream of events brings, ``{"seq": n, …}`` each and ``{"end": {…}}`` last; taken up where it was
        when the connection breaks. Raises as :meth:`get`."""
        last, failures = 0, 0
        while True:
            try:
                for event in self._stream(f"{path}?after={last}"):
                    failures = 0
                    last = event.get("seq", last)
                    yield event
                    if "end" in event:
                        return
                failures += 1  # it ended without saying so
            except UnreachableError:
                failures += 1
                if failures >= _TRIES:
                    raise
            if failures >= _TRIES:
                raise explain(http.client.IncompleteRead(b""), self.url)
            self._sleep(float(failures))

    def _ring_patiently(self, message_id: str, body: bytes) -> Reply:
        left, failures = self._patience, 0
        while True:
            try:
                reply = self._send("POST", RING, body, self._sign(message_id, body))
                pause = max(reply.retry_after, 1.0)
                if reply.word not in _WORTH_A_WAIT or pause > left:
                    return reply
            except UnreachableError:
                failures, pause = failures + 1, 2.0**failures
                if failures == _TRIES or pause > left:
                    raise
            left -= pause
            self._sleep(pause)

    def _sign(self, message_id: str, content: bytes) -> dict[str, str]:
        if self.signer is None:
            hint = "load one of your site's ed25519 keys\n\n  ssh-add ~/.ssh/id_ed25519"
            raise UsageError("this has to be signed, and there is no key to sign with", where=self.url, hint=hint)
        timestamp = int(self._now())
        signature = self.signer.sign(signed_content(message_id, timestamp, content))
        return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: render_signature(signature)}

    def _sign_call(self, method: str, path: str, body: bytes) -> dict[str, str]:
        return self._sign(_make_id(), call_content(method, path, self._audience, body))

    def _require(self, reply: Reply) -> dict[str, Any]:
        if reply.status not in (200, 202):
            raise refuse(reply.status, reply.body, self.url, reply.skew)
        return reply.body

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        line = PinnedLine(self.url, self._certificate, self._connect, self._seconds)
        try:
            answer = _request(line, method, path, body, headers)
            return self._read(answer, answer.read(_MOST_BYTES))
        except (OSError, http.client.HTTPException) as error:
            raise explain(error, self.url) from error
        finally:
            line.close()

    def _read(self, answer: http.client.HTTPResponse, content: bytes) -> Reply:
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            hint = "see whether its address is another machine's now\n\n  homeprod status"
            raise ControlError("the control node answers with no JSON object", where=self.url, hint=hint)
        retry_after = answer.headers.get("Retry-After", "")
        return Reply(
            answer.status,
            body,
            float(retry_after) if retry_after.isdecimal() else 0.0,
            _find_skew(answer.headers.get("Date", ""), self._now()),
        )

    def _stream(self, path: str) -> Iterator[dict[str, Any]]:
        line = PinnedLine(self.url, self._certificate, self._connect, _SILENCE)
        try:
            answer = _request(line, "GET", path, b"", self._sign_call("GET", path, b""))
            if answer.status != 200:
                reply = self._read(answer, answer.read(_MOST_BYTES))
                raise refuse(reply.status, reply.body, self.url, reply.skew)
            yield from _parse_events(answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise explain(error, self.url) from error
        finally:
            line.close()


_WORTH_A_WAIT = frozenset(
    kind.word for kind in (Refusal.BUSY_ADDRESS, Refusal.BUSY_SIGNER, Refusal.STORAGE, Refusal.LOOKING)
)


def _make_id() -> str:
    return f"msg_{secrets.token_hex(16)}"


def _request(
    line: PinnedLine, method: str, path: str, body: bytes, headers: dict[str, str]
) -> http.client.HTTPResponse:
    content_type = {"Content-Type": "application/json"} if method == "POST" else {}
    line.request(method, path, body or None, {**headers, **content_type, "Connection": "close"})
    return line.getresponse()


def _find_skew(date: str, now: float) -> float:
    """0 where the answer has no date (RFC 9110 §6.6.1)."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return 0.0


def _parse_events(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Server-sent events (WHATWG HTML §9.2), of which ours have one line of data; a comment keeps the line alive."""
    number, name = 0, ""
    while line := answer.readline(_MOST_BYTES):
        key, _, value = line.decode().rstrip("\r\n").partition(": ")
        if key == "id":
            number = int(value)
        elif key == "event":
            name = value
        elif key == "data":
            yield {"end": json.loads(value)} if name == "end" else {"seq": number, **json.loads(value)}
        elif not key:
            name = ""
