"""The inventory: Ansible's hosts and groups, from the site (docs.ansible.com, "How to build your inventory")."""

from __future__ import annotations

import re

import yaml

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import find_control_user, list_configured
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Proxy
from homeprod.site.entry.table import find_proxy, name_served
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import DeclaredMachine, Site, find_fixed

_HEAD = "# Written by `homeprod render` from the site; change the site, and render it again.\n"


def describe_inventory(site: Site) -> dict[str, object]:
    """All configured machines, those of every control node: groups ``env_…``, ``tag_…``, ``kept_by_…`` and
    ``entry_…``, and each host's address, user, people and environment."""
    groups: dict[str, dict[str, object]] = {}
    hosts: dict[str, dict[str, object]] = {}
    for declared in list_configured(site):
        hosts[declared.name] = _describe_host(site, declared)
        for group in _list_groups(declared) + _list_parts(site, declared.name):
            groups.setdefault(group, {})[declared.name] = {}
    children = {group: {"hosts": members} for group, members in sorted(groups.items())}
    return {"all": {"hosts": hosts, "children": children}}


def render_inventory(site: Site) -> str:
    """The file ``inventory.yml``."""
    return _HEAD + yaml.dump(describe_inventory(site), Dumper=_Dumper, sort_keys=True, width=200)


class _Dumper(yaml.SafeDumper):
    """Lists further in than what they belong to, as ansible-lint wants it: the file lies among a person's own."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 (as it is called)
        super().increase_indent(flow, indentless=False)


def _describe_host(site: Site, declared: DeclaredMachine) -> dict[str, object]:
    machine = declared.machine
    user = find_control_user(machine)
    if not isinstance(machine, VirtualMachine | AdoptedVirtualMachine) or user is None:
        raise ValueError(f"{declared.name} is configured by nobody")
    return {
        "ansible_host": _find_address(site, machine) or declared.name,
        "ansible_user": user.name,
        "homeprod_environment": machine.environment.name,
        "homeprod_control_node": machine.environment.control_node,
        "homeprod_domain": site.config.addresses.network.domain,
        "homeprod_kept_by": sorted(machine.kept_by),
        **_describe_certificates(site, declared.name),
        "homeprod_people": [
            {"name": person.name, "keys": list(person.keys), "sudo": person.sudo}
            for person in machine.people
            if person is not user
        ],
    }


def _describe_certificates(site: Site, name: str) -> dict[str, object]:
    """What the role `certificates` is to have there; nothing of a machine that is no proxy."""
    proxy = find_proxy(site.entry, name) if site.entry is not None else None
    if proxy is None:
        return {}
    described = [
        {"label": one.label, "names": [str(own) for own in one.names], "by": one.by, **_say_served(proxy, one)}
        for one in proxy.certificates
    ]
    return {"homeprod_certificates": described}


def _say_served(proxy: Proxy, certificate: Certificate) -> dict[str, str]:
    name = name_served(proxy, certificate)
    return {"served_as": name} if name else {}


def _find_address(site: Site, machine: VirtualMachine | AdoptedVirtualMachine) -> str:
    """Empty where only its name leads to it."""
    fixed = find_fixed(machine)
    return str(site.config.addresses.network.address(fixed)) if fixed is not None else ""


def _list_parts(site: Site, name: str) -> list[str]:
    """What the machine is of the way in."""
    entry = site.entry
    if entry is None:
        return []
    parts: dict[str, list[str | None]] = {
        "entry_passthrough": [entry.passthrough],
        "entry_proxy": [proxy.machine for proxy in entry.proxies],
        "entry_gateway": [entry.gateway.machine] if entry.gateway is not None else [],
    }
    return [part for part, machines in parts.items() if name in machines]


def _list_groups(declared: DeclaredMachine) -> list[str]:
    machine = declared.machine
    kept_by = machine.kept_by if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else frozenset[str]()
    words = [
        f"env_{machine.environment.name}",
        *(f"tag_{tag}" for tag in machine.tags),
        *(f"kept_by_{k}" for k in kept_by),
    ]
    return sorted({re.sub(r"[^a-z0-9_]", "_", word) for word in words})
