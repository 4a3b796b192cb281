"""What is outside a lab, and its gateway's rules: a client out there, a machine in the LAN, real nftables between."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab import folder
from homeprod.lab.folder import LabFolder
from homeprod.lab.lan import Lan, dial
from homeprod.lab.lan.namespace import Namespace
from homeprod.lab.spec import BridgeSpec, LabSpec, WanSpec
from homeprod.network.walk.seen import Resolved
from homeprod.site.entry.target import Target
from homeprod.wiring.asker import open_asker

SPEC = LabSpec("out", bridges=(BridgeSpec("vmbr0", ("192.0.2.1/24", "2001:db8::1/64")),))
SERVER = """
import socket, sys
with socket.create_server(("::", 8443), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
    print("ready", flush=True)
    while True:
        line, peer = listener.accept()
        line.sendall(peer[0].removeprefix("::ffff:").encode())
        line.close()
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 4) as line:
    print(line.recv(100).decode())
"""
RULES = """table inet t {
  chain nat {
    type nat hook prerouting priority dstnat; iifname "wan0" tcp dport 443 dnat ip to 192.0.2.20:8443;
  }
  chain forward {
    type filter hook forward priority filter; iifname "wan0" ct status dnat accept; iifname "wan0" drop;
  }
}
"""
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab's LAN is a network namespace: run as root"),
]


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """With a machine at .20 that answers with its client's address."""
    lan, machine = Lan(SPEC, tmp_path), Namespace(f"homeprod-test-{os.getpid()}")
    server = None
    try:
        lan.up()
        machine.add()
        for words in (f"add m1 type veth peer name eth0 netns {machine.path}", "set m1 master vmbr0 up"):
            lan.namespace.run("ip", "link", *words.split())
        for words in ("link set lo up", "link set eth0 up", "address add 192.0.2.20/24 dev eth0",
                      "address add 2001:db8::20/64 dev eth0 nodad", "route add default via 192.0.2.1",
                      "-6 route add default via 2001:db8::1"):  # fmt: skip
            machine.run("ip", *words.split())
        argv = machine.enter([sys.executable, "-c", SERVER])
        server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield lan
    finally:
        if server is not None:
            server.kill()
            server.communicate()
        machine.delete()
        lan.down()
        assert not lan.outside.namespace.exists()


def ask(lan: Lan, address: str, port: int) -> str:
    """From outside; empty where nobody answers."""
    argv = lan.outside.enter([sys.executable, "-c", CLIENT, address, str(port)])
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout.strip()


@pytest.mark.slow
def test_the_rules_let_in_what_they_say_and_the_client_is_seen(lan: Lan) -> None:
    assert ask(lan, "198.51.100.1", 443) == ""
    assert ask(lan, "192.0.2.20", 8443) == ""  # a private address, for which nobody outside has a route
    assert ask(lan, "2001:db8::20", 8443) == "2001:db8:5133::7"  # routed, and nothing filters yet
    lan.gateway.take(RULES)
    assert ask(lan, "198.51.100.1", 443) == "198.51.100.7"
    assert ask(lan, "198.51.100.1", 444) == ""
    assert ask(lan, "2001:db8::20", 8443) == ""


def test_who_asks_for_a_way_stands_on_both_sides_of_the_gateway(
    lan: Lan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SPEC.write(tmp_path / "lab.json")
    for place in (folder, dial):
        monkeypatch.setattr(place, "require_up", lambda name: LabFolder(name, tmp_path))
    lan.gateway.take(RULES)
    asker = open_asker("out", None)
    assert asker.outer == (ip_address("198.51.100.1"),)
    assert asker.lan is not None
    assert asker.wan is not None
    for connect, address, port, client in (
        (asker.wan, "198.51.100.1", 443, "198.51.100.7"),
        (asker.lan, "192.0.2.20", 8443, "192.0.2.1"),
    ):
        with connect(address, port) as line:
            assert line.recv(100).decode() == client
    with pytest.raises(OSError, match=r"unreachable|timed out"):
        asker.wan("192.0.2.20", 8443)
    target = Target("http", "demo.example", 80, "/")
    assert asker.call(ip_address("192.0.2.20"), target, "wan").is_ours, "no way leads there from outside"
    assert asker.call(ip_address("192.0.2.20"), target, "lan").trouble == "connection refused"
    assert "DNS knows its machines alone" in asker.look_up("demo.example", ip_address("192.0.2.1")).trouble
    assert asker.look_up("demo.example", None) == Resolved(trouble="outside of a lab there is no DNS", is_ours=True)


def test_rules_that_nft_refuses_change_nothing(lan: Lan) -> None:
    lan.gateway.take(RULES)
    with pytest.raises(LabError, match=r"does not take these rules: (.|\n)*syntax error"):
        lan.gateway.take(f"{RULES}\nnonsense")
    assert lan.gateway.read() == RULES
    assert ask(lan, "198.51.100.1", 443) == "198.51.100.7"
    lan.gateway.clear()
    assert (lan.gateway.read(), ask(lan, "198.51.100.1", 443)) == ("", "")


def test_a_lab_that_was_down_has_its_rules_again(lan: Lan, tmp_path: Path) -> None:
    lan.gateway.take(RULES)
    before = lan.namespace.run("nft", "list", "ruleset")
    lan.up()
    assert lan.namespace.run("nft", "list", "ruleset") == before
    lan.outside.down()
    lan.up()
    assert ask(lan, "198.51.100.1", 443) == "198.51.100.7"
    again = Lan(SPEC, tmp_path)
    again.down()
    again.up()
    assert again.namespace.run("nft", "list", "ruleset") == before


def test_the_gateways_link_has_the_name_that_the_rules_know(tmp_path: Path) -> None:
    spec = LabSpec("out", bridges=SPEC.bridges, wan=WanSpec(interface="ens18"))
    lan = Lan(spec, tmp_path)
    try:
        lan.up()
        assert "ens18" in lan.list_links()
    finally:
        lan.down()


def test_a_spec_keeps_it(tmp_path: Path) -> None:
    spec = LabSpec("out", wan=WanSpec(interface="ens18", gateways=("198.51.100.2/24",)))
    spec.write(tmp_path / "spec.json")
    assert LabSpec.read(tmp_path / "spec.json") == spec
