"""Log-in with user and password: the ticket, its cookie, the token against forgery, its renewal."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
from tests.scripted_server import Answer, ScriptedServer, Seen
from tests.unit.drivers.conftest import Connect

from homeprod.core.errors import DeniedError, TransientError
from homeprod.drivers.proxmox import Login
from homeprod.drivers.proxmox.transport.credential import SecretText

LOGIN = Login("bob@pve", SecretText("secret12"))


class Tickets:
    """A server side that gives numbered tickets and accepts only the last one."""

    def __init__(self) -> None:
        self.given = 0
        self.valid = True

    def __call__(self, seen: Seen) -> Answer:
        if seen.path == "/api2/json/access/ticket":
            self.given += 1
            self.valid = True
            return Answer(
                body=b'{"data": {"ticket": "T%d", "CSRFPreventionToken": "C%d"}}' % (self.given, self.given)
            )
        if not self.valid or seen.headers.get("Cookie") != f"PVEAuthCookie=T{self.given}":
            return Answer(401, b"", "permission denied - invalid PVE ticket")
        return Answer(body=b'{"data": 1}')


def test_one_ticket_serves_many_calls(server: ScriptedServer, connect: Connect) -> None:
    server.script = tickets = Tickets()
    connection = connect(credential=LOGIN)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: connection.get("/x"), range(20))) == [1] * 20
    assert tickets.given == 1
    assert parse_qs(server.seen[0].body.decode()) == {"username": ["bob@pve"], "password": ["secret12"]}
    assert "CSRFPreventionToken" not in server.seen[1].headers
    assert connection.api_calls == 21


def test_a_write_carries_the_token_against_forgery(server: ScriptedServer, connect: Connect) -> None:
    server.script = Tickets()
    connect(credential=LOGIN).post("/x")
    assert server.seen[-1].headers["CSRFPreventionToken"] == "C1"


def test_a_ticket_is_renewed_before_its_two_hours(server: ScriptedServer, connect: Connect) -> None:
    server.script = tickets = Tickets()
    connection = connect(credential=LOGIN)
    now = 0.0
    assert connection._tickets is not None
    connection._tickets.clock = lambda: now
    for now, given in ((0.0, 1), (80 * 60.0, 1), (91 * 60.0, 2), (100 * 60.0, 2)):  # noqa: B007 (the clock reads it)
        connection.get("/x")
        assert tickets.given == given


def test_an_expired_ticket_is_replaced_and_the_call_repeated_once(server: ScriptedServer, connect: Connect) -> None:
    """A refused call was not executed, so this holds for writes too."""
    server.script = tickets = Tickets()
    connection = connect(credential=LOGIN)
    connection.get("/x")
    tickets.valid = False
    assert connection.post("/x") == 1
    assert tickets.given == 2


def test_a_ticket_that_lapses_during_an_upload_is_renewed_and_the_file_sent_anew(
    server: ScriptedServer, connect: Connect
) -> None:
    """What was sent cannot be read again; whoever has the file opens it again, as an apply does."""
    server.script = tickets = Tickets()
    connection = connect(credential=LOGIN)
    connection.get("/x")
    tickets.valid = False
    with pytest.raises(TransientError, match="ticket was no longer good"):
        connection.send_stream("/up", io.BytesIO(b"abc"), 3, "application/octet-stream", timeout=5)
    assert connection.send_stream("/up", io.BytesIO(b"abc"), 3, "application/octet-stream", timeout=5) == 1
    assert tickets.given == 2


def test_a_new_ticket_that_is_refused_too_ends_it(server: ScriptedServer, connect: Connect) -> None:
    """Logged in again once, not for ever."""
    server.script = tickets = Tickets()
    connection = connect(credential=LOGIN)
    connection.get("/x")
    inner = server.script
    server.script = lambda seen: (
        inner(seen) if seen.path.endswith("/ticket") else Answer(401, b"", "permission denied")
    )
    with pytest.raises(DeniedError, match="bob@pve"):
        connection.post("/x")
    assert tickets.given == 2


def test_a_user_that_is_never_accepted(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(401, b'{"data":null,"message":"authentication failure\\n"}')
    with pytest.raises(DeniedError, match=r"log-in of bob@pve is not accepted \(authentication failure\)") as caught:
        connect(credential=LOGIN).get("/x")
    assert "password" in caught.value.hint
    assert "API token" in caught.value.hint


def test_a_second_factor_needs_a_token(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(body=b'{"data": {"ticket": "T", "CSRFPreventionToken": "C", "NeedTFA": 1}}')
    with pytest.raises(DeniedError, match="second factor") as caught:
        connect(credential=LOGIN).get("/x")
    assert "API token" in caught.value.hint
