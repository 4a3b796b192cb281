"""Thousands of requests that are a little or very wrong: nothing is accepted that must not be, and nothing is told.

``HOMEPROD_FUZZ`` says how many (5,000), ``HOMEPROD_FUZZ_SEED`` which.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import os
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.door import AUDIENCE, HOST_KEY, OTHER_HOST_KEY, OpenDoor, connect, make_id, make_wish, sign

from homeprod.core.refusal import Refusal
from homeprod.core.webhook import ID, MOST_BYTES, SIGNATURE, TIMESTAMP, call_content, render_signature, signed_content
from homeprod.web.access import Limits
from homeprod.web.limit import Rate

NUMBER = int(os.environ.get("HOMEPROD_FUZZ", "5000"))
SEED = int(os.environ.get("HOMEPROD_FUZZ_SEED", "5"))
ENDLESS = Rate(1e9, 1e9)
REFUSED = {refusal.status for refusal in Refusal} - {500}
UNSIGNED = {400, 401, 404, 405, 408, 413, 415}
"""What somebody may hear whose signature was not good: no more than the code's word."""


@dataclass
class Request:
    """``may_pass`` where it is a good ring all the same. ``is_open`` where the node may
    have to wait for more, ``is_left`` where the caller goes away in the middle, ``is_last`` where what
    follows could be taken for a part of it."""

    body: bytes
    headers: list[tuple[str, str]]
    line: str = "POST /hooks/provision HTTP/1.1"
    may_pass: bool = False
    is_signed: bool = False
    is_chunked: bool = False
    is_open: bool = False
    is_left: bool = False
    is_last: bool = False

    def write(self) -> bytes:
        headers = [("Host", "door"), *self.headers]
        names = {name.lower() for name, _ in headers}
        if self.is_chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif "content-length" not in names:
            headers.append(("Content-Length", str(len(self.body))))
        head = "\r\n".join([self.line, *(f"{name}: {value}" for name, value in headers)])
        return (
            head.encode("utf-8", "surrogateescape")
            + b"\r\n\r\n"
            + (_chunk(self.body) if self.is_chunked else self.body)
        )


def _chunk(body: bytes) -> bytes:
    parts = [body[place : place + 7000] for place in range(0, len(body), 7000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


class Fuzzer:
    def __init__(self, door: OpenDoor, chance: random.Random) -> None:
        self.door, self.chance = door, chance
        self.accepted: list[Request] = []

    def make(self) -> Request:
        kind: Callable[[], Request] = self.chance.choice(KINDS).__get__(self)
        return kind()

    def good(self, body: bytes | None = None) -> Request:
        wish = make_wish(self.chance.choice(["lab-proxy", "lab-coder"]), f"i-{self.chance.randrange(10**9)}")
        content = body if body is not None else json.dumps(wish).encode()
        headers = [("Content-Type", "application/json"), *sign(self.door.sean, content).items()]
        return Request(content, headers, may_pass=body is None, is_signed=True)

    def chunked(self) -> Request:
        return replace(self.good(), is_chunked=True)

    def flipped_body(self) -> Request:
        request = self.good()
        body = bytearray(request.body)
        body[self.chance.randrange(len(body))] ^= 1 << self.chance.randrange(8)
        return self._unsigned(request, body=bytes(body))

    def flipped_header(self) -> Request:
        request = self.good()
        place = self.chance.randrange(1, 4)
        name, value = request.headers[place]
        at = self.chance.randrange(4, len(value)) if name != TIMESTAMP else self.chance.randrange(len(value))
        other = self.chance.choice([c for c in "AZaz09+/=. ,-" if c != value[at]])
        changed = value[:at] + other + value[at + 1 :]
        return self._unsigned(self._with(request, place, (name, changed)))

    def without_header(self) -> Request:
        request = self.good()
        return self._unsigned(self._with(request, self.chance.randrange(1, 4), None))

    def twice_header(self) -> Request:
        request = self.good()
        name, value = request.headers[self.chance.randrange(1, 4)]
        request.headers.append((name, self.chance.choice([value, "", "x"])))
        return self._unsigned(request)

    def odd_header(self) -> Request:
        odd = ["", " ", "0", "-1", "1e9", "٣٤٥", "9" * 300, "\udcff\udcfe", "v1a", "v1a,", "null", "../..", "%00"]
        request = self.good()
        place = self.chance.randrange(1, 4)
        return self._unsigned(self._with(request, place, (request.headers[place][0], self.chance.choice(odd))))

    def wrong_time(self) -> Request:
        away = self.chance.choice([310, 3600, 86400, 10**8, 10**9]) * self.chance.choice([1, -1])
        request = self.good()
        request.headers[1:] = sign(self.door.sean, request.body, at=away).items()
        return self._unsigned(request)

    def stranger(self) -> Request:
        request = self.good()
        request.headers[1:] = sign(self.door.stranger, request.body).items()
        return self._unsigned(request)

    def signed_for_something_else(self) -> Request:
        request, message_id, now = self.good(), make_id(), int(time.time())
        content = self.chance.choice(
            [
                request.body,
                f"{message_id}.{now}".encode() + request.body,
                signed_content(message_id, now, call_content("POST", "/hooks/provision", AUDIENCE, request.body)),
                signed_content(message_id, now + 1, request.body),
                b"",
            ]
        )
        signature = render_signature(self.door.sean.sign(content))
        request.headers[1:] = [(ID, message_id), (TIMESTAMP, str(now)), (SIGNATURE, signature)]
        return self._unsigned(request)

    def other_scheme(self) -> Request:
        request = self.good()
        name, value = request.headers[3]
        raw = value.removeprefix("v1a,")
        words = [f"v1,{raw}", f"v2a,{raw}", raw, f"v1a:{raw}", f"v1a,{raw[:-4]}", f"v1a,{raw}AAAA", f"V1A,{raw}"]
        return self._unsigned(self._with(request, 3, (name, self.chance.choice(words))))

    def many_signatures(self) -> Request:
        request = self.good()
        name, value = request.headers[3]
        noise = [f"v1a,{base64.b64encode(self.chance.randbytes(64)).decode()}" for _ in range(6)]
        return self._unsigned(self._with(request, 3, (name, " ".join([*noise, value]))))

    def odd_body(self) -> Request:
        text = json.dumps(make_wish())
        bodies = [
            text.encode("utf-16"),
            b"\xef\xbb\xbf" + text.encode(),
            gzip.compress(text.encode()),
            text.encode()[: self.chance.randrange(len(text))],
            b"[" * self.chance.randrange(MOST_BYTES),
            self.chance.randbytes(self.chance.randrange(300)),
            b'{"host":"\\ud800","instance":"i","ssh_host_keys":[]}',
            b'{"host":"lab-proxy","instance":"i","ssh_host_keys":NaN}',
            b"9" * 5000,
        ]
        return self.good(self.chance.choice(bodies))

    def odd_wish(self) -> Request:
        odd = [None, 0, "", [], {}, "x" * 300, "lab-proxy\r\nX: y", "\0", "../x", True, [[]], "é", 1e300]
        key = [f"{HOST_KEY}A", "ssh-ed25519", "ssh-rsa AAAA", HOST_KEY.replace(" ", "\t"), HOST_KEY.lower(), "\n"]
        wish = {**make_wish(), self.chance.choice(["host", "instance", "ssh_host_keys"]): self.chance.choice(odd)}
        if self.chance.random() < 0.3:
            wish = {**make_wish(), "ssh_host_keys": [self.chance.choice(key)]}
        if wish["ssh_host_keys"] == []:
            wish["host"] = ""  # no key is allowed; let nothing here be good
        return self.good(json.dumps(wish).encode())

    def other_host(self) -> Request:
        return self.good(json.dumps(make_wish(self.chance.choice(["prod-proxy", "nobody", "localhost"]))).encode())

    def other_key(self) -> Request:
        return self.good(json.dumps(make_wish("lab-held", "i", OTHER_HOST_KEY)).encode())

    def oversized(self) -> Request:
        request = self.good(
            json.dumps({**make_wish(), "host": "x" * self.chance.randrange(MOST_BYTES, 60_000)}).encode()
        )
        return replace(request, is_chunked=self.chance.random() < 0.5)

    def content_type(self) -> Request:
        kinds = [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "multipart/form-data; boundary=x",
        ]
        request = self.good()
        if self.chance.random() < 0.3:
            request.headers.append(("Content-Encoding", self.chance.choice(["gzip", "br", "deflate", "zstd"])))
            return self._unsigned(request)
        return self._unsigned(self._with(request, 0, ("Content-Type", self.chance.choice(kinds))))

    def odd_line(self) -> Request:
        lines = [
            "GET /hooks/provision HTTP/1.1",
            "DELETE /hooks/provision HTTP/1.1",
            "POST /hooks/provision/ HTTP/1.1",
            "POST //hooks/provision HTTP/1.1",
            "POST /hooks/%70rovision HTTP/1.1",
            "POST /api/hosts HTTP/1.1",
            "GET /../../etc/passwd HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "POST /hooks/provision HTTP/9.9",
            "POST /hooks/provision",
            "\0\1\2",
            "G" * 9000,
            "GET /" + "a" * 9000 + " HTTP/1.1",
            "BREW /pot HTTP/1.1",
            "CONNECT a:1 HTTP/1.1",
        ]
        return self._unsigned(replace(self.good(), line=self.chance.choice(lines), is_last=True))

    def broken_framing(self) -> Request:
        request = self._unsigned(self.good())
        lengths = [("Content-Length", value) for value in ("x", "-1", "0x10", "1 2", "+5", "", "9" * 40)]
        more = [
            ("Content-Length", "5"),
            ("Transfer-Encoding", "gzip"),
            ("X\0Y", "z"),
            ("X", "a\0b"),
            ("Expect", "tea"),
        ]
        request.headers.append(self.chance.choice([*lengths, *more, ("Y" * 9000, "z"), ("Z", "z" * 9000)]))
        return replace(request, is_open=True)

    def cut_short(self) -> Request:
        request = self._unsigned(self.good())
        request.headers.append(("Content-Length", str(len(request.body) + 10)))
        return replace(request, is_left=True)

    def replayed(self) -> Request:
        if not self.accepted:
            return self.good()
        return self.chance.choice(self.accepted)

    def replayed_with_another_body(self) -> Request:
        if not self.accepted:
            return self.good()
        old = dict(self.chance.choice(self.accepted).headers)
        body = json.dumps(make_wish(instance="other")).encode()
        signed = sign(self.door.sean, body, message_id=old[ID])
        return Request(body, [("Content-Type", "application/json"), *signed.items()], is_signed=True)

    def _with(self, request: Request, place: int, header: tuple[str, str] | None) -> Request:
        headers = [*request.headers]
        headers[place : place + 1] = [header] if header else []
        return replace(request, headers=headers)

    def _unsigned(self, request: Request, **changes: bytes) -> Request:
        return replace(request, may_pass=False, is_signed=False, **changes)  # type: ignore[arg-type]


KINDS = tuple(
    value for name, value in vars(Fuzzer).items() if callable(value) and not name.startswith("_") and name != "make"
)


class Line:
    """Keeps its connection as long as the node does."""

    def __init__(self, door: OpenDoor) -> None:
        self.door, self.line = door, None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.line: ssl.SSLSocket | None = None

    def exchange(self, request: Request) -> tuple[int, bytes, bytes] | None:
        """Code, head and body; None where the node hung up without a word."""
        is_used = self.line is not None
        if self.line is None:
            self.line = self.context.wrap_socket(connect("127.0.0.1", self.door.port))
        try:
            self.line.sendall(request.write())
            if request.is_left:
                raise EOFError
            if request.is_open:
                self.line.settimeout(0.05)
            answer = self._receive()
            if request.is_last:
                self.close()
            return answer
        except (OSError, EOFError):
            self.close()
            # A node may end a connection that it kept (RFC 9112 §9.6), which is no answer to what came too late.
            return self.exchange(request) if is_used and not (request.is_left or request.is_open) else None
        finally:
            if request.is_open:
                self.close()

    def _receive(self) -> tuple[int, bytes, bytes]:
        assert self.line is not None
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._take()
        head, _, body = heard.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._take()
        assert len(body) == length
        if b"connection: close" in head.lower():
            self.close()
        return int(head.split(b" ", 2)[1]), head, body

    def _take(self) -> bytes:
        assert self.line is not None
        part = self.line.recv(65536)
        if not part:
            raise EOFError
        return part

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
        self.line = None


@pytest.mark.slow
@pytest.mark.timeout(120 + NUMBER // 20)
def test_nothing_wrong_is_accepted_and_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with OpenDoor(tmp_path, limits=Limits(ENDLESS, ENDLESS, ENDLESS)) as door:
        door.node.hosts["lab-held"] = door.node.hosts["lab-proxy"]
        assert door.ring(make_wish("lab-held")).status == 202
        fuzzer, line = Fuzzer(door, random.Random(SEED)), Line(door)  # noqa: S311 (repeatable, on purpose)
        heard: Counter[int] = Counter()
        for number in range(NUMBER):
            request = fuzzer.make()
            answer = line.exchange(request)
            heard[answer[0] if answer else 0] += 1
            judge(request, answer, f"request {number} of seed {SEED}: {request}")
            if answer and answer[0] == 202 and request.may_pass:
                fuzzer.accepted.append(request)
        line.close()
        assert set(heard) >= {202, 400, 401, 404, 405, 409, 413, 415, 422}
        assert door.wait_for(count_rings(door)) == len({dict(one.headers)[ID] for one in fuzzer.accepted}) + 1
        assert {host.name for host in door.wait_for(door.node.ledger.hosts())} == {
            "lab-proxy",
            "lab-coder",
            "lab-held",
        }
        assert door.ring(make_wish()).status == 202
        door.wait_for(wait_until_idle())
    assert [record.getMessage() for record in caplog.records] == []


def judge(request: Request, answer: tuple[int, bytes, bytes] | None, about: str) -> None:
    if answer is None:
        assert not request.may_pass, about
        return
    code, head, body = answer
    assert code in (REFUSED | {202} if request.is_signed else UNSIGNED), f"{code} to {about}"
    assert (code == 202) == request.may_pass, f"{code} to {about}"
    assert b"\r\nServer: homeprod\r\n" in head + b"\r\n", about
    told = json.loads(body)
    if code in UNSIGNED and not request.is_signed:
        assert set(told) == {"error"}, about
        assert told["error"] in {refusal.word for refusal in Refusal if refusal.status == code}, about
    assert b"Traceback" not in body
    assert b"homeprod/" not in body


async def count_rings(door: OpenDoor) -> int:
    rows = await door.node.ledger.read(
        lambda connection: connection.execute("SELECT count(*) FROM rings WHERE run > 0").fetchone()
    )
    return int(rows[0])


async def wait_until_idle() -> None:
    """Nothing of all those connections is left."""
    while len(asyncio.all_tasks()) > 3:
        await asyncio.sleep(0.05)
