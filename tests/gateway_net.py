"""A client outside, a Linux gateway and a LAN, each in a network namespace of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from homeprod.lab.lan.namespace import Namespace

LIMIT = 30
PORTS = (80, 443, 8443)
CLIENT, CLIENT6 = "203.0.113.10", "2001:db8:1::10"
OUTER, OUTER_TOO = "203.0.113.1", "203.0.113.2"
PASSTHROUGH, PASSTHROUGH6 = "10.111.1.4", "2001:db8:2::4"
NEIGHBOUR, NEIGHBOUR6 = "10.111.1.5", "2001:db8:2::5"

_TELL = """
import socket, sys, threading
def tell(line, peer):
    with line:
        line.sendall((peer[0] + "\\n").encode())
        while part := line.recv(100):
            line.sendall(part)
for port in map(int, sys.argv[1:]):
    for family, every in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((every, port))
        listener.listen()
        def serve(listener=listener):
            while True:
                threading.Thread(target=tell, args=listener.accept(), daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
print("up", flush=True)
sys.stdin.read()
"""
"""Answers each connection with its client's address, then with what it says; ends with its standard input."""

_ASK = """
import concurrent.futures, json, socket, sys
def ask(target):
    try:
        with socket.create_connection(target, 3) as line:
            return line.makefile().readline().strip()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return ""
targets = [tuple(target) for target in json.loads(sys.argv[1])]
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(ask, targets))))
"""

_HOLD = """
import socket, sys
line = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
words = line.makefile("rw")
words.readline()
print("held", flush=True)
for text in sys.stdin:
    words.write(text)
    words.flush()
    print(words.readline(), end="", flush=True)
"""


@dataclass
class GatewayNet:
    """``client`` is outside; ``lan`` holds the passthrough and a neighbour."""

    client: Namespace
    gateway: Namespace
    lan: Namespace
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def ask(self, *targets: tuple[str, int], source: Namespace | None = None) -> list[str]:
        """The address that the one reached saw; ``refused``, or empty where nothing came back."""
        argv = (source or self.client).enter([sys.executable, "-c", _ASK, json.dumps(targets)])
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=True)
        answers: list[str] = json.loads(done.stdout)
        return answers

    def hold(self, host: str, port: int) -> subprocess.Popen[str]:
        """A client whose connection stays; it sends each line of its standard input, and prints what comes back."""
        return self.start(self.client, _HOLD, "held\n", host, str(port))

    def start(self, place: Namespace, script: str, first: str, *words: str) -> subprocess.Popen[str]:
        argv = place.enter([sys.executable, "-c", script, *words])
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == first
        return process

    def load(self, rules: str) -> None:
        self.gateway.run("nft", "-f", "-", given=rules)

    def list_tables(self) -> str:
        return self.gateway.run("nft", "list", "tables")


@contextlib.contextmanager
def open_gateway_net() -> Iterator[GatewayNet]:
    mark = f"homeprod-t{os.getpid()}"
    net = GatewayNet(*(Namespace(f"{mark}-{name}") for name in ("client", "gateway", "lan")))
    try:
        for place in (net.client, net.gateway, net.lan):
            place.add()
        _cable(net)
        for place in (net.client, net.gateway, net.lan):
            net.start(place, _TELL, "up\n", *map(str, PORTS if place is not net.gateway else (22,)))
        yield net
    finally:
        for process in net.processes:
            process.kill()
            process.wait(LIMIT)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        for place in (net.client, net.gateway, net.lan):
            place.delete()


def _cable(net: GatewayNet) -> None:
    for end, card in ((net.client, "wan0"), (net.lan, "lan0")):
        net.gateway.run("ip", "link", "add", card, "type", "veth", "peer", "name", "eth0", "netns", end.name)
    for place, card, *addresses in (
        (net.gateway, "wan0", f"{OUTER}/24", f"{OUTER_TOO}/24", "2001:db8:1::1/64"),
        (net.gateway, "lan0", "10.111.1.1/24", "2001:db8:2::1/64"),
        (net.client, "eth0", f"{CLIENT}/24", f"{CLIENT6}/64"),
        (net.lan, "eth0", f"{PASSTHROUGH}/24", f"{NEIGHBOUR}/24", f"{PASSTHROUGH6}/64", f"{NEIGHBOUR6}/64"),
    ):
        place.run("ip", "link", "set", "lo", "up")
        place.run("sh", "-c", f"for c in all {card}; do echo 0 >/proc/sys/net/ipv6/conf/$c/accept_dad; done")
        for address in addresses:
            nodad = ("nodad",) if ":" in address else ()
            place.run("ip", "address", "add", address, "dev", card, *nodad)
        place.run("ip", "link", "set", card, "up")
    net.gateway.run(
        "sh", "-c", "for f in ipv4/ip_forward ipv6/conf/all/forwarding; do echo 1 >/proc/sys/net/$f; done"
    )
    net.client.run("ip", "route", "add", "default", "via", OUTER)
    net.client.run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1")
    net.lan.run("ip", "route", "add", "default", "via", "10.111.1.1", "src", PASSTHROUGH)
    net.lan.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
