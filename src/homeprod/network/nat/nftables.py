"""A Linux gateway's rules, as `nft -f` reads them (nft(8)).

One table of homeprod's own: reading the file again replaces it at once, and leaves every other table as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.network.nat.values import PORTS, Nat
from homeprod.site.entry.gateway import Gateway

TABLE = "homeprod_entry"
_INTRODUCTION = f"""\
# Read it with `nft -f`: it replaces the table {TABLE}, all at once, and touches no other. Each table is asked:
# what another one drops stays dropped, whatever is accepted here. The kernel must forward (net.ipv4.ip_forward, and
# net.ipv6.conf.all.forwarding for IPv6).
#
# Nothing leads back from the LAN through the outer address (no hairpin NAT): the LAN's resolvers answer with the
# proxies' own addresses (split DNS), and services see who asks.
"""


def render_nftables(values: Nat, gateway: Gateway) -> str:
    """The whole file but for its heading."""
    table = f"table inet {TABLE}"
    return _INTRODUCTION + "\n".join(
        [table, f"delete {table}", f"{table} {{", *_list_chains(values, gateway), "}", ""]
    )


def write_passing(values: Nat, gateway: Gateway, port: int) -> str:
    """The rule that passes a port on."""
    where = "fib daddr type local" if gateway.address is None else f"ip daddr {gateway.address}"
    family = "meta nfproto ipv4 " if gateway.address is None else ""
    return f'iifname "{gateway.wan}" {family}{where} tcp dport {port} dnat ip to {values.passthrough}'


def _list_chains(values: Nat, gateway: Gateway) -> Iterator[str]:
    yield from _write_chain(
        "arriving",
        "nat hook prerouting priority dstnat",
        f"{'IPv4: w' if values.subnet6 is not None else 'W'}hat comes for the gateway itself goes to the passthrough",
        [write_passing(values, gateway, port) for port in PORTS],
    )
    yield ""
    yield from _write_chain(
        "passing",
        "filter hook forward priority filter",
        "From outside nothing else of the LAN is reached; what was led there (DNAT) is, by this table or another",
        list(_list_filters(values, gateway)),
    )
    if gateway.masquerade:
        yield ""
        rule = f'oifname "{gateway.wan}" ip saddr {values.subnet} masquerade'
        hook = "nat hook postrouting priority srcnat"
        yield from _write_chain("leaving", hook, "The LAN goes out under the gateway's address", [rule])


def _list_filters(values: Nat, gateway: Gateway) -> Iterator[str]:
    """Established and related lets in errors of ICMPv6 as well, without which no IPv6 works (RFC 4890, 4.3.1)."""
    yield f'iifname != "{gateway.wan}" accept'
    yield "ct state established,related accept"
    yield "ct status dnat accept"
    if values.passthrough6 is not None:
        yield f"ip6 daddr {values.passthrough6} tcp dport {{ {', '.join(map(str, PORTS))} }} accept"
    yield f"ip daddr {values.subnet} drop"
    if values.subnet6 is not None:
        yield f"ip6 daddr {values.subnet6} drop"


def _write_chain(name: str, hook: str, words: str, rules: list[str]) -> Iterator[str]:
    yield f"    # {words}"
    yield f"    chain {name} {{"
    yield f"        type {hook}; policy accept;"
    yield from (f"        {rule}" for rule in rules)
    yield "    }"
