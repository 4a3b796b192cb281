"""Who walks a way for real: this machine, or a lab's network on either side of its gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_interface

from homeprod.drivers.caller import LIMIT, call
from homeprod.drivers.nameserver import ask_server, ask_system
from homeprod.drivers.served import read_served
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.seen import Resolved, Seen
from homeprod.site.entry.entry import Origin
from homeprod.site.entry.target import Target

Connect = Callable[[str, int], socket.socket]
_OUT_HERE = "it lies inside of the LAN, and --at says that this machine is outside; leave it out to ask here"
_LAB_DNS = "a lab's DNS knows its machines alone, and nothing of the table"
_LAB_PUBLIC = "outside of a lab there is no DNS"


@dataclass(frozen=True, slots=True)
class NetworkAsker:
    """``lan`` and ``wan`` connect from that side of the router, where there is a way to it; ``datagrams`` from the
    LAN. ``ask_public`` asks the public DNS. As :class:`homeprod.engine.walk.Asker` says."""

    outer: tuple[Ip, ...]
    lan: Connect | None
    wan: Connect | None
    datagrams: Connect | None
    ask_public: Callable[[str], Resolved]

    def explain_unasked(self, from_: Origin) -> str:
        if from_ == "lan":
            return "" if self.lan is not None else _OUT_HERE
        return "" if self.wan is not None else "nothing here is outside"

    def call(self, address: Ip, target: Target, from_: Origin) -> Seen:
        connect = self.lan if from_ == "lan" else self.wan
        if connect is None:
            return Seen(trouble=self.explain_unasked(from_), is_ours=True)
        return call(connect, str(address), target)

    def show(self, address: Ip, name: str) -> bytes:
        if self.lan is None:
            return b""
        try:
            return read_served(self.lan, str(address), name)
        except (OSError, ValueError):  # that nobody answers there, or to this name, is told where it is asked
            return b""

    def look_up(self, name: str, server: Ip | None) -> Resolved:
        if server is None:
            return self.ask_public(name)
        if self.lan is None or self.datagrams is None:
            return Resolved(trouble=_LAB_DNS, is_ours=True)
        return ask_server(self.datagrams, self.lan, str(server), name)


def open_asker(lab: str, at: Ip | None) -> NetworkAsker:
    """From this machine; where ``at`` names the router's outer address, it stands outside. With a lab, from both
    sides of its gateway. Raises LabError where the lab is not up. Asks nothing yet."""
    if lab:
        return _open_lab(lab, at)
    outer = (at,) if at is not None else ()
    inside = _connect if at is None else None
    return NetworkAsker(outer, inside, _connect, connect_datagrams, ask_system)


def _open_lab(lab: str, at: Ip | None) -> NetworkAsker:
    from homeprod.lab.folder import require_up
    from homeprod.lab.lan.dial import dial

    spec = require_up(lab).read_spec()
    gateways = [ip_interface(text).ip for text in spec.wan.gateways]
    outer = (at,) if at is not None else tuple(ip for ip in gateways if ip.version == 4)
    inside, outside = (partial(dial, lab, timeout=LIMIT, is_outside=is_outside) for is_outside in (False, True))
    return NetworkAsker(outer, inside, outside, None, lambda _: Resolved(trouble=_LAB_PUBLIC, is_ours=True))


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), LIMIT)


def connect_datagrams(host: str, port: int) -> socket.socket:
    """Connected, so that a refusal is seen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_DGRAM)
    try:
        line.connect((host, port))
    except OSError:
        line.close()
        raise
    return line
