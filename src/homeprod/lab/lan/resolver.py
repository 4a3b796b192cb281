"""The lab's DNS: what dnsmasq is told."""

from __future__ import annotations

import ipaddress
import pwd
from collections import defaultdict

from homeprod.lab.spec import LabSpec

GIT_HOST = "git"
"""What the lab's DNS calls the gateway, where the lab's repositories are served; a host of that name goes before."""


def list_gateways(spec: LabSpec) -> list[str]:
    return [str(ipaddress.ip_interface(text).ip) for bridge in spec.bridges for text in bridge.gateways]


def list_addresses(spec: LabSpec) -> list[str]:
    """Every address at which the lab answers DNS, gateways first."""
    gateways = list_gateways(spec)
    resolvers = [str(ipaddress.ip_interface(text).ip) for bridge in spec.bridges for text in bridge.resolvers]
    return list(dict.fromkeys(gateways + resolvers))


def write_configuration(spec: LabSpec) -> str:
    """dnsmasq's configuration (dnsmasq(8)).

    It knows the lab's hosts, with and without the domain, and asks nobody: every other name is NXDOMAIN at once,
    so that nothing in a guest waits for a time-out.
    """
    lines = ["port=53", "no-resolv", "no-hosts", "no-poll", "bind-interfaces", f"user={_find_user()}"]
    lines += ["cache-size=0", "local-ttl=60", "local=/#/"]
    lines += [f"listen-address={address}" for address in ["127.0.0.1", *list_addresses(spec)]]
    if spec.domain:
        lines.append(f"domain={spec.domain}")
    lines += _records(spec)
    return "\n".join(lines) + "\n"


def _records(spec: LabSpec) -> list[str]:
    """One record for each address; the first of its names is what a reverse look-up answers."""
    by_address: dict[str, list[str]] = defaultdict(list)
    for name, addresses in {**spec.hosts, **_name_git(spec)}.items():
        for address in addresses:
            by_address[address] += _expand(name, spec.domain)
    return [f"host-record={','.join([*dict.fromkeys(names), address])}" for address, names in by_address.items()]


def _name_git(spec: LabSpec) -> dict[str, list[str]]:
    """Last, so that the gateway's own name is what a reverse look-up answers."""
    return {} if GIT_HOST in spec.hosts else {GIT_HOST: list_gateways(spec)}


def _expand(name: str, domain: str) -> list[str]:
    if not domain or name.endswith(f".{domain}"):
        short = name.removesuffix(f".{domain}") if domain else name
        return list(dict.fromkeys([name, short]))
    return [f"{name}.{domain}", name]


def _find_user() -> str:
    """Whom dnsmasq becomes: its own user, where its package made one."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "dnsmasq" if "dnsmasq" in names else "nobody"
