"""The router's part of the way in: rules that the kernel itself goes by, and steps that name the site's values."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from tests.gateway_net import (
    CLIENT,
    CLIENT6,
    NEIGHBOUR,
    NEIGHBOUR6,
    OUTER,
    OUTER_TOO,
    PASSTHROUGH,
    PASSTHROUGH6,
    GatewayNet,
    open_gateway_net,
)

from homeprod.network.nat.nftables import TABLE, render_nftables, write_passing
from homeprod.network.nat.opnsense import render_opnsense, write_forward
from homeprod.network.nat.values import Nat, describe_nat
from homeprod.site.entry.gateway import Gateway
from homeprod.site.loader import load_site

V4 = Nat(IPv4Address(PASSTHROUGH), IPv4Network("10.111.1.0/24"))
BOTH = replace(V4, passthrough6=IPv6Address(PASSTHROUGH6), subnet6=IPv6Network("2001:db8:2::/64"))
GATEWAY = Gateway(wan="wan0")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")


@pytest.fixture(scope="module")
def net() -> Iterator[GatewayNet]:
    with open_gateway_net() as net:
        yield net


@pytest.mark.slow
@needs_root
def test_what_is_passed_on_and_what_is_not(net: GatewayNet) -> None:
    net.load(render_nftables(BOTH, GATEWAY))
    assert net.ask((OUTER, 80), (OUTER, 443), (OUTER_TOO, 443)) == [CLIENT] * 3, "the client's own address is seen"
    assert net.ask((OUTER, 8443)) == ["refused"], "by the gateway itself"
    assert net.ask((PASSTHROUGH6, 80), (PASSTHROUGH6, 443)) == [CLIENT6] * 2
    hidden = [(PASSTHROUGH6, 8443), (NEIGHBOUR6, 443), (PASSTHROUGH, 443), (PASSTHROUGH, 8443), (NEIGHBOUR, 80)]
    assert net.ask(*hidden) == [""] * 5
    assert net.ask((OUTER, 22), ("2001:db8:1::1", 22)) == [CLIENT, CLIENT6], "the gateway's own is not ours to hide"


@needs_root
def test_the_lan_goes_out_as_the_site_says(net: GatewayNet) -> None:
    for masquerade, seen in ((False, PASSTHROUGH), (True, OUTER)):
        net.load(render_nftables(BOTH, Gateway(wan="wan0", masquerade=masquerade)))
        answers = net.ask((CLIENT, 443), (CLIENT6, 443), source=net.lan)
        assert answers[0] == seen
        assert answers[1] in (PASSTHROUGH6, NEIGHBOUR6), "IPv6 is never translated"
        assert net.ask((OUTER, 443)) == [CLIENT], "what comes in is not"


@needs_root
def test_nothing_leads_back_in_from_the_lan(net: GatewayNet) -> None:
    net.load(render_nftables(BOTH, GATEWAY))
    assert net.ask((OUTER, 443), source=net.lan) == ["refused"]


@needs_root
def test_one_outer_address_may_be_the_way_in(net: GatewayNet) -> None:
    net.load(render_nftables(BOTH, Gateway(wan="wan0", address=OUTER)))
    assert net.ask((OUTER, 443), (OUTER_TOO, 443)) == [CLIENT, "refused"]


@needs_root
def test_a_replacement_touches_nothing_else_and_cuts_nothing(net: GatewayNet) -> None:
    net.load("table ip own {\n    chain c {\n    }\n}\n")
    net.load(render_nftables(BOTH, GATEWAY))
    held = net.hold(OUTER, 443)
    net.load(render_nftables(V4, Gateway(wan="wan0", masquerade=True)))
    assert held.stdin is not None
    assert held.stdout is not None
    held.stdin.write("still there\n")
    held.stdin.flush()
    assert held.stdout.readline() == "still there\n"
    assert sorted(net.list_tables().split("\n")) == ["", f"table inet {TABLE}", "table ip own"]
    before = net.gateway.run("nft", "list", "table", "inet", TABLE)
    net.load(render_nftables(V4, Gateway(wan="wan0", masquerade=True)))
    assert net.gateway.run("nft", "list", "table", "inet", TABLE) == before, "no rule is there twice"
    net.gateway.run("nft", "delete", "table", "ip", "own")


@needs_root
@pytest.mark.parametrize("values", [V4, BOTH])
@pytest.mark.parametrize("gateway", [GATEWAY, Gateway(wan="ppp0", address=OUTER, masquerade=True)])
def test_nft_takes_it(values: Nat, gateway: Gateway) -> None:
    argv = ("unshare", "--net", "nft", "--check", "-f", "-")
    text = render_nftables(values, gateway)
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    for port in (80, 443):
        assert f"        {write_passing(values, gateway, port)}\n" in text
    assert ("ip6" in text.partition(f"{TABLE} {{")[2]) == (values.subnet6 is not None)
    assert ("masquerade" in text) == gateway.masquerade


def test_the_steps_name_the_sites_values() -> None:
    text = render_opnsense(BOTH)
    for port in (80, 443):
        assert f"{write_forward(port)}\n" in text
    assert PASSTHROUGH in text
    assert PASSTHROUGH6 in text
    assert "d_nat" in text
    assert "IPv6" not in render_opnsense(V4).partition("Apply changes")[0].replace("TCP/IP", "")


def test_the_values_of_pegasus() -> None:
    site = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
    assert site.entry is not None
    assert describe_nat(site, site.entry) == V4
