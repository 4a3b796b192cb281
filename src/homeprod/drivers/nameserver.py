"""Name servers, asked for the addresses of a name: one by its address, or those that this system asks."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from homeprod.drivers.caller import LIMIT, tell_trouble
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.seen import Resolved

Open = Callable[[str, int], socket.socket]
_KINDS = (dns.rdatatype.A, dns.rdatatype.AAAA)
_TRIES = 2
"""A datagram may be lost; both fit into the limit."""
_SILENCE = f"silence for {LIMIT:.0f} s"


def ask_server(datagrams: Open, connect: Open, server: str, name: str, port: int = 53) -> Resolved:
    """That server, by datagrams as clients do, and by TCP where they are too small (RFC 7766). The sockets
    come connected, so that a refusal is seen. Nothing is raised for what went wrong: it was seen."""
    found: list[Ip] = []
    try:
        for kind in _KINDS:
            answer = _exchange(datagrams, connect, (server, port), dns.message.make_query(name, kind))
            if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return Resolved(trouble=f"it answers {dns.rcode.to_text(answer.rcode())}")
            found += _list_addresses(answer)
    except dns.exception.Timeout:
        return Resolved(trouble=_SILENCE)
    except dns.exception.DNSException as error:
        return Resolved(trouble=f"no DNS: {error}")
    except OSError as error:
        return Resolved(trouble=tell_trouble(error))
    return Resolved(tuple(found))


def ask_system(name: str) -> Resolved:
    """Those in /etc/resolv.conf."""
    found: list[Ip] = []
    try:
        resolver = dns.resolver.Resolver()
        for kind in _KINDS:
            answer = resolver.resolve(name, kind, raise_on_no_answer=False, lifetime=LIMIT, search=False)
            found += _list_addresses(answer.response)
    except dns.resolver.NXDOMAIN:
        return Resolved()
    except dns.exception.Timeout:
        return Resolved(trouble=_SILENCE, is_ours=True)
    except (dns.exception.DNSException, OSError) as error:
        return Resolved(trouble=f"the system's resolver does not say: {error}", is_ours=True)
    return Resolved(tuple(found))


def _exchange(
    datagrams: Open, connect: Open, server: tuple[str, int], query: dns.message.QueryMessage
) -> dns.message.Message:
    for is_last in (*[False] * (_TRIES - 1), True):
        with datagrams(*server) as line:
            line.setblocking(False)
            try:
                answer = dns.query.udp(query, server[0], LIMIT / _TRIES, server[1], sock=line)
                break
            except dns.exception.Timeout:
                if is_last:
                    raise
    if not answer.flags & dns.flags.TC:
        return answer
    with connect(*server) as line:
        line.setblocking(False)
        return dns.query.tcp(query, server[0], LIMIT, server[1], sock=line)


def _list_addresses(answer: dns.message.Message) -> Iterator[Ip]:
    """Whatever other name leads there."""
    for records in answer.answer:
        if records.rdtype in _KINDS:
            yield from (ipaddress.ip_address(record.address) for record in records)
