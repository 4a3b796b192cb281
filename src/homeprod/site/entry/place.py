"""Where the machines of an Entry are: addresses that stay, since nginx resolves none."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.declared import is_broken
from homeprod.site.entry.entry import Proxy
from homeprod.site.entry.upstream import Upstream
from homeprod.site.machine import DataVirtualMachine, VirtualMachine
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Nginx:
    """What a release has: its nginx, and the OpenSSL that this is linked with."""

    version: tuple[int, int]
    openssl: tuple[int, int]


RELEASES = {"debian-12": Nginx((1, 22), (3, 0)), "debian-13": Nginx((1, 26), (3, 5))}
"""The releases that the passthrough and proxies were made for."""


@dataclass(frozen=True, slots=True)
class Place:
    """``name`` is the machine's, or what the AddressPlan calls the number; empty where it has none."""

    name: str
    address: IPv4Address | IPv6Address
    address6: IPv6Address | None = None


def locate_number(site: Site, name: str, number: int) -> Place:
    network = site.config.addresses.network
    return Place(name, network.address(number), network.address6(number))


def is_inside(site: Site, number: int) -> bool:
    """Whether the subnet has that host number; one that it has not is a mistake by itself."""
    return 0 < number < site.config.addresses.network.subnet.num_addresses


def explain_homeless(site: Site, name: str) -> str:
    """Why the machine has no address that stays; empty where it has one."""
    machine = site.machines[name].machine
    if isinstance(machine, DataVirtualMachine):
        return "is a data VM, which never runs"
    if isinstance(machine, VirtualMachine) and machine.dhcp:
        return "has its address from DHCP, and nginx needs one that stays"
    return "has no number, so no address is known of it" if machine.number is None else ""


def locate_machine(site: Site, name: str) -> Place | None:
    """None where there is no such machine, or none with an address that stays."""
    if name not in site.machines or is_broken(site.machines[name].machine) or explain_homeless(site, name):
        return None
    number = site.machines[name].machine.number
    return locate_number(site, name, number) if number is not None and is_inside(site, number) else None


def locate_upstream(site: Site, upstream: Upstream) -> Place | None:
    """A machine of the site, one that the AddressPlan only reserves a number for, or an address as it stands."""
    if not isinstance(upstream.host, str):
        return Place(_name_of(site, upstream.host), upstream.host)
    if upstream.host in site.machines:
        return locate_machine(site, upstream.host)
    numbers = [number for number, word in site.config.addresses.reserved.items() if word == upstream.host]
    return locate_number(site, upstream.host, numbers[0]) if numbers else None


def locate_proxied(site: Site, proxy: Proxy) -> Place | None:
    """Where the passthrough reaches the proxy."""
    if proxy.proxied_number is None:
        return locate_machine(site, proxy.machine)
    return locate_number(site, proxy.machine, proxy.proxied_number)


def list_numbers(site: Site, name: str) -> tuple[int, ...]:
    """The host numbers of a machine that is there."""
    machine = site.machines[name].machine
    more = machine.addresses if isinstance(machine, VirtualMachine) else ()
    own = machine.number if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else None
    return (own, *more) if own is not None else more


def _name_of(site: Site, address: IPv4Address | IPv6Address) -> str:
    """Whose address it is, as far as the site knows."""
    plan = site.config.addresses
    sound = [name for name, declared in site.machines.items() if not is_broken(declared.machine)]
    owned = {number: name for name in sound for number in list_numbers(site, name)}
    known = {**plan.reserved, **owned}
    return next((name for number, name in known.items() if address in _list_both(site, number)), "")


def _list_both(site: Site, number: int) -> tuple[IPv4Address | IPv6Address | None, ...]:
    network = site.config.addresses.network
    return (network.address(number), network.address6(number)) if is_inside(site, number) else ()
