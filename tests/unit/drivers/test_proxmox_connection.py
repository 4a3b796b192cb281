"""The connection: what it sends, what it repeats, and what each thing that can go wrong becomes."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
from tests.scripted_server import Answer, ScriptedServer, Seen
from tests.unit.drivers.conftest import SECRET, Connect

from homeprod.core.errors import DeniedError, NotFoundError, ProxmoxError, TransientError, UsageError
from homeprod.drivers.proxmox import Endpoint, Limits
from homeprod.drivers.proxmox.transport.connection import encode_form, join_path


def test_a_read_carries_the_token_and_gives_the_data(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(body=b'{"data": {"release": "9.2"}}')
    assert connect().get("/version", x="a b;c", flag=True) == {"release": "9.2"}
    [seen] = server.seen
    assert (seen.method, seen.path) == ("GET", "/api2/json/version?x=a%20b%3Bc&flag=1")
    assert seen.headers["Authorization"] == f"PVEAPIToken=homeprod@pve!cli={SECRET}"


def test_a_write_encodes_every_separator(server: ScriptedServer, connect: Connect) -> None:
    """A raw ``=`` or ``;`` in a form value is a 400 or an unknown parameter (facts: what surprises)."""
    connect().post("/x", {"tags": "a;b", "net0": "virtio,bridge=vmbr0", "list": ["1", "2"], "on": False})
    assert server.seen[0].body == b"tags=a%3Bb&net0=virtio%2Cbridge%3Dvmbr0&list=1&list=2&on=0"
    assert parse_qs(server.seen[0].body.decode())["tags"] == ["a;b"]


def test_a_delete_has_no_body(server: ScriptedServer, connect: Connect) -> None:
    connect().delete("/nodes/pve/qemu/100", purge=True)
    assert (server.seen[0].path, server.seen[0].body) == ("/api2/json/nodes/pve/qemu/100?purge=1", b"")


def test_paths_are_encoded() -> None:
    assert join_path("nodes", "p/v e", "qemu", 100) == "/nodes/p%2Fv%20e/qemu/100"
    assert join_path("content", "local:iso") == "/content/local:iso"
    assert encode_form({"ä": "€"}) == "%C3%A4=%E2%82%AC"


def test_reads_are_repeated_and_say_how_often(server: ScriptedServer, connect: Connect) -> None:
    connection = connect()
    connection.get("/version")
    server.script = lambda _: Answer(596)
    with pytest.raises(TransientError, match=r"\(tried 4 times\)"):
        connection.get("/version")
    assert len(server.seen) == 1 + 4
    assert connection.api_calls == 5


def test_a_read_that_succeeds_at_last(server: ScriptedServer, connect: Connect) -> None:
    answers = iter([Answer(), Answer(596), Answer(cut=True), Answer(body=b'{"data": 1}')])
    server.script = lambda _: next(answers)
    connection = connect()
    connection.get("/version")
    assert connection.get("/version") == 1


@pytest.mark.parametrize("answer", [Answer(596), Answer(cut=True)])
def test_writes_are_never_repeated(answer: Answer, server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: answer
    for write in (connect().post, connect().put):
        with pytest.raises(TransientError):
            write("/x", {"a": "b"})
    with pytest.raises(TransientError):
        connect().delete("/x")
    assert len(server.seen) == 3


def test_many_threads_share_the_pool(server: ScriptedServer, connect: Connect) -> None:
    """More threads than connections wait for one; each gets its own answer."""
    server.script = lambda seen: Answer(body=f'{{"data": "{seen.path}"}}'.encode())
    connection = connect(limits=Limits(pool=3))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: connection.get(f"/{number}"), range(200)))
    assert answers == [f"/api2/json/{number}" for number in range(200)]
    assert connection.api_calls == 200


def test_no_answer_in_time(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(delay=1)
    with pytest.raises(TransientError, match=r"no answer within 0\.2 s"):
        connect(limits=Limits(read=0.2)).post("/x")


def test_an_endpoint_where_nobody_listens(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
        connection = connect(url=url)
        with pytest.raises(TransientError, match="cannot connect: Connection refused") as caught:
            connection.get("/version")
    assert caught.value.where == url
    assert "HOMEPROD_ENDPOINT" in caught.value.hint
    # Told at once: only an endpoint that has answered before is worth waiting for.
    assert connection.api_calls == 1


def test_a_host_that_has_no_name(connect: Connect) -> None:
    with pytest.raises(ProxmoxError, match=r"cannot find the host pve\.pegasus\.invalid") as caught:
        connect(url="https://pve.pegasus.invalid").get("/version")
    assert "HOMEPROD_ENDPOINT" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>It works!</html>"),
        Answer(body=b"[]"),
        Answer(body=b'{"nothing": 1}'),
        Answer(301, headers=(("Location", "https://elsewhere.invalid/"),), body=b""),
    ],
)
def test_something_else_answers(answer: Answer, server: ScriptedServer, connect: Connect) -> None:
    """Redirects are not followed: they would carry the token elsewhere."""
    server.script = lambda _: answer
    with pytest.raises(ProxmoxError, match="not Proxmox VE") as caught:
        connect().get("/version")
    assert "8006" in caught.value.hint
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b'{"errors": "no map"}', b"\xff\xfe", b"<html>"])
def test_a_refusal_with_an_odd_body_is_still_a_refusal(body: bytes, server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(500, body, "VM is locked (backup)")
    with pytest.raises(ProxmoxError, match=r"VM is locked \(backup\)"):
        connect().post("/x")


def test_words_from_body_or_reason_phrase(server: ScriptedServer, connect: Connect) -> None:
    """Older releases have them in the reason phrase alone."""
    connection = connect()
    server.script = lambda _: Answer(500, b'{"data":null}', "storage 'nosuch' does not exist")
    with pytest.raises(NotFoundError, match="storage 'nosuch' does not exist"):
        connection.get("/x")
    server.script = lambda _: Answer(500, b'{"data":null,"message":"storage \'b\' does not exist\\n"}', "error")
    with pytest.raises(NotFoundError, match="storage 'b' does not exist"):
        connection.get("/x")


def test_a_token_that_is_not_accepted(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(401, b"", "invalid token value!")
    with pytest.raises(DeniedError, match=r"homeprod@pve!cli is not accepted \(invalid token value!\)") as caught:
        connect().get("/version")
    assert "expired" in caught.value.hint
    assert "    pveum user token list homeprod@pve" in caught.value.hint.splitlines()


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("pve.example.org", Endpoint("pve.example.org", 8006)),
        ("https://pve.example.org:443/", Endpoint("pve.example.org", 443)),
        ("https://[2001:db8::1]:8006", Endpoint("2001:db8::1", 8006)),
        ("https://home.example.org/pve/api2/json", Endpoint("home.example.org", 8006, "/pve")),
    ],
)
def test_endpoints(text: str, endpoint: Endpoint) -> None:
    assert Endpoint.parse(text) == endpoint
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize("text", ["http://pve:8006", "https://", "https://pve:port", "ftp://x", "https://x?y"])
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="endpoint") as caught:
        Endpoint.parse(text)
    assert "https://pve.example.org:8006" in caught.value.hint


def test_an_endpoint_with_a_password_in_it_does_not_show_it() -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint.parse(f"https://root:{SECRET}@pve")
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_proxy_of_the_environment_is_not_asked(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "http://proxy.invalid:1")
    connect().get("/version")
    assert len(server.seen) == 1


def test_no_thread_is_left(server: ScriptedServer, connect: Connect) -> None:
    before = threading.active_count()
    connect().get("/version")
    assert threading.active_count() <= before + 1  # the server's own for the open connection


def test_seen_is_what_was_sent(server: ScriptedServer, connect: Connect) -> None:
    connect().put("/x", {"a": "ü"})
    assert isinstance(server.seen[0], Seen)
    assert server.seen[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert server.seen[0].body == b"a=%C3%BC"
