"""Doors: where the nginxes of the way in listen."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from homeprod.site.declared import is_broken
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import is_inside, list_numbers, locate_number
from homeprod.site.site import Site

LAN_PORTS = (80, 443)
Ip = IPv4Address | IPv6Address


def find_listener(site: Site, entry: Entry, asking: Proxy, address: Ip, port: int) -> str:
    """The machine of the way in whose nginx is asked there, by that proxy; empty where none is."""
    if port in LAN_PORTS and address in _list_addresses(site, entry.passthrough):
        return entry.passthrough
    sound = (proxy for proxy in entry.proxies if not is_broken(proxy))
    return next((one.machine for one in sound if _has_door(site, one, address, port, is_asking=one is asking)), "")


def is_own_machine(address: Ip) -> bool:
    """Whether whoever asks there asks the machine that it runs on itself (Linux takes 0.0.0.0 and :: for that)."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


def _has_door(site: Site, proxy: Proxy, address: Ip, port: int, *, is_asking: bool) -> bool:
    """The LAN's doors are at every address of the machine, the passthrough's too unless they have a number."""
    is_here = address in _list_addresses(site, proxy.machine) or (is_asking and is_own_machine(address))
    if port in LAN_PORTS and is_here:
        return True
    if port not in (proxy.proxied_port, proxy.proxied_http_port):
        return False
    return (
        is_here if proxy.proxied_number is None else address in _list_both(site, proxy.machine, proxy.proxied_number)
    )


def _list_addresses(site: Site, machine: str) -> list[Ip | None]:
    if machine not in site.machines or is_broken(site.machines[machine].machine):
        return []
    return [address for number in list_numbers(site, machine) for address in _list_both(site, machine, number)]


def _list_both(site: Site, machine: str, number: int) -> list[Ip | None]:
    if not is_inside(site, number):
        return []
    place = locate_number(site, machine, number)
    return [place.address, place.address6]
