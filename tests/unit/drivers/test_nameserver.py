"""A name server, asked on loopback: whatever comes back is told in words."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from homeprod.drivers import nameserver
from homeprod.drivers.nameserver import ask_server, ask_system
from homeprod.network.walk.seen import Resolved
from homeprod.wiring.asker import connect_datagrams

NAME = "demo.lab.example"
Answer = Callable[[dns.message.Message], bytes]


def reply(
    query: dns.message.Message, *records: str, flags: int = 0, rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> bytes:
    answer = dns.message.make_response(query)
    answer.flags |= flags
    answer.set_rcode(rcode)
    answer.answer = [dns.rrset.from_text(*record.split(maxsplit=4)) for record in records]
    return answer.to_wire()


def by_kind(query: dns.message.Message) -> bytes:
    """By another name, as a CNAME leads."""
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    address = {"A": "192.0.2.5", "AAAA": "2001:db8::5"}[kind]
    return reply(query, f"{NAME}. 60 IN CNAME proxy.example.", f"proxy.example. 60 IN {kind} {address}")


@contextlib.contextmanager
def serve(answer: Answer, by_tcp: Answer | None = None) -> Iterator[int]:
    """Its port, for datagrams and TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(type=socket.SOCK_DGRAM) as line:
        port = int(listener.getsockname()[1])
        line.bind(("127.0.0.1", port))

        def take_datagrams() -> None:
            while (got := line.recvfrom(4096))[0]:
                if wire := answer(dns.message.from_wire(got[0])):
                    line.sendto(wire, got[1])

        def take_lines() -> None:
            with contextlib.suppress(OSError):
                while by_tcp is not None:
                    with listener.accept()[0] as taken:
                        wire = by_tcp(dns.message.from_wire(taken.recv(4096)[2:]))
                        taken.sendall(len(wire).to_bytes(2, "big") + wire)

        threads = [threading.Thread(target=act) for act in (take_datagrams, take_lines)]
        for thread in threads:
            thread.start()
        try:
            yield port
        finally:
            with socket.socket(type=socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def ask(port: int) -> Resolved:
    return ask_server(connect_datagrams, lambda *to: socket.create_connection(to, 5), "127.0.0.1", NAME, port)


def test_both_kinds_of_addresses_are_asked_for() -> None:
    with serve(by_kind) as port:
        assert ask(port) == Resolved((ip_address("192.0.2.5"), ip_address("2001:db8::5")))


def test_what_is_too_long_for_a_datagram_is_asked_for_by_tcp() -> None:
    with serve(lambda query: reply(query, flags=dns.flags.TC), by_kind) as port:
        assert ask(port) == Resolved((ip_address("192.0.2.5"), ip_address("2001:db8::5")))


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (lambda query: reply(query, rcode=dns.rcode.NXDOMAIN), ""),
        (reply, ""),
        (lambda query: reply(query, rcode=dns.rcode.REFUSED), "it answers REFUSED"),
        (lambda query: reply(query, rcode=dns.rcode.SERVFAIL), "it answers SERVFAIL"),
        (lambda _: b"no DNS at all", "no DNS: "),
    ],
)
def test_no_addresses(answer: Answer, trouble: str) -> None:
    with serve(answer) as port:
        found = ask(port)
    assert (found.addresses, found.trouble[: len(trouble) or 1], found.is_ours) == ((), trouble, False)


def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nameserver, "LIMIT", 1.0)
    seen: list[dns.message.Message] = []

    def lose_first(query: dns.message.Message) -> bytes:
        seen.append(query)
        return by_kind(query) if len(seen) > 1 else b""

    with serve(lose_first) as port:
        assert len(ask(port).addresses) == 2


def test_nobody_there_is_told_from_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nameserver, "LIMIT", 0.2)
    with serve(lambda _: b"") as port:
        assert ask(port).trouble == "silence for 5 s"
    assert ask(port).trouble == "connection refused"


def test_the_systems_own_is_asked_as_it_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(by_kind) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)
        assert ask_system(NAME) == Resolved((ip_address("192.0.2.5"), ip_address("2001:db8::5")))
        assert ask_system("a..b").trouble.startswith("the system's resolver does not say: ")
    with serve(lambda query: reply(query, rcode=dns.rcode.NXDOMAIN)) as port:
        resolver.port = port
        assert ask_system(NAME) == Resolved()
