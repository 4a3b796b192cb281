"""What the router's part of the way in is made from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from homeprod.site.entry.entry import Entry
from homeprod.site.entry.place import locate_machine
from homeprod.site.site import Site

PORTS = (80, 443)


@dataclass(frozen=True, slots=True)
class Nat:
    """``passthrough`` gets what comes for the router's own address, ``passthrough6`` what comes for itself; both are
    in the LAN's networks, and nothing else of those is reached from outside."""

    passthrough: IPv4Address
    subnet: IPv4Network
    passthrough6: IPv6Address | None = None
    subnet6: IPv6Network | None = None


def describe_nat(site: Site, entry: Entry) -> Nat:
    """Of a site that was checked."""
    network, place = site.config.addresses.network, locate_machine(site, entry.passthrough)
    if place is None or not isinstance(place.address, IPv4Address):
        raise ValueError("a passthrough without an address: the site was not checked")
    return Nat(place.address, network.subnet, place.address6, network.subnet6)
