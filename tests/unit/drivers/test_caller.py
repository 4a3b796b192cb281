"""One call on loopback, to servers that answer badly or not at all."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from homeprod.drivers import caller
from homeprod.drivers.caller import call
from homeprod.network.walk.seen import Seen
from homeprod.site.entry.target import Target

PLAIN = Target("http", "demo.example", 80, "/a?b")
SECURE = Target("https", "demo.example", 443, "/")
Act = Callable[[socket.socket], object]


@contextlib.contextmanager
def serve(act: Act) -> Iterator[int]:
    """One connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            with listener.accept()[0] as line:
                act(line)

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            thread.join()


def ask(act: Act, target: Target = PLAIN) -> Seen:
    with serve(act) as port:
        return call(lambda host, _: socket.create_connection((host, port), 5), "127.0.0.1", target)


def cut(line: socket.socket) -> None:
    line.recv(4096)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(text: bytes) -> Act:
    def act(line: socket.socket) -> None:
        line.recv(4096)
        line.sendall(text)

    return act


def test_what_a_client_sends() -> None:
    heard: list[bytes] = []

    def listen(line: socket.socket) -> None:
        heard.append(line.recv(4096))
        line.sendall(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://demo.example/a?b\r\n\r\n")

    assert ask(listen) == Seen(is_reached=True, status=308, location="https://demo.example/a?b")
    head = b"GET /a?b HTTP/1.1\r\nHost: demo.example\r\nUser-Agent: homeprod\r\nConnection: close\r\n\r\n"
    assert heard == [head]


@pytest.mark.parametrize(
    ("act", "target", "trouble"),
    [
        (cut, PLAIN, "the connection was cut"),
        (cut, SECURE, "the connection was cut"),
        (lambda line: line.recv(4096), PLAIN, "the connection was closed without an answer"),
        (say(b"SSH-2.0-OpenSSH\r\n"), PLAIN, "no HTTP (BadStatusLine)"),
        (say(b"SSH-2.0-OpenSSH\r\n"), SECURE, "wrong version number"),
        (say(b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 70_000), PLAIN, "no HTTP (LineTooLong)"),
    ],
)
def test_what_is_no_answer(act: Act, target: Target, trouble: str) -> None:
    assert ask(act, target) == Seen(is_reached=True, trouble=trouble)


@pytest.mark.parametrize("target", [PLAIN, SECURE, Target("https", "demo.example", 80, "/")])
def test_silence(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "LIMIT", 0.2)
    seen = ask(lambda line: [*iter(lambda: line.recv(4096), b"")], target)
    assert (seen.is_reached, seen.trouble) == (True, "silence for 0 s")


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("name", ["a" * 300, ".a"])
def test_a_name_that_cannot_be_sent_is_nobodys_fault_there(name: str, port: int) -> None:
    heard: list[bytes] = []
    seen = ask(lambda line: heard.append(line.recv(4096)), Target("https", name, port, "/"))
    assert (seen.is_ours, heard) == (True, [b""])
    assert seen.trouble.startswith("no client sends this name in TLS (")


@pytest.mark.parametrize(
    ("number", "trouble", "is_ours"),
    [
        (errno.ECONNREFUSED, "connection refused", False),
        (errno.EHOSTUNREACH, "no machine there (no route to host)", False),
        (errno.ENETUNREACH, "Network is unreachable", True),
        (errno.EADDRNOTAVAIL, "Cannot assign requested address", True),
    ],
)
def test_no_connection(number: int, trouble: str, is_ours: bool) -> None:
    def fail(host: str, port: int) -> socket.socket:
        raise OSError(number, errno.errorcode[number] if not is_ours else trouble)

    assert call(fail, "192.0.2.1", PLAIN) == Seen(trouble=trouble, is_ours=is_ours)
