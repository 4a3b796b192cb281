"""Checks of the gateway: that a machine which is said to be it is it, and can be brought its rules."""

from __future__ import annotations

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.checks.meant import guess_machine, is_known
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.gateway import Gateway
from homeprod.site.site import Site


def check_gateway(site: Site, entry: Entry, report: Report) -> None:
    gateway = entry.gateway
    if gateway is None or is_broken(gateway):
        return
    _check_address(site, gateway, report)
    name = gateway.machine
    if name is None:
        return
    if not is_known(site, name):
        report(gateway, "machine", f"the site has no machine {name}", guess_machine(site, name))
    elif name in site.machines:
        _check_machine(site, gateway, name, report)


def _check_address(site: Site, gateway: Gateway, report: Report) -> None:
    subnet = site.config.addresses.network.subnet
    if gateway.address is not None and gateway.address in subnet:
        message = f"{gateway.address} is in the LAN ({subnet}), and the address is that of the internet's side"
        report(gateway, "address", message, "leave it out, where all of the gateway's own are meant")


def _check_machine(site: Site, gateway: Gateway, name: str, report: Report) -> None:
    machine, number = site.machines[name].machine, site.config.addresses.network.gateway
    if is_broken(machine):
        return
    if not isinstance(machine, AdoptedVirtualMachine):
        message = f"homeprod makes {name}, with one card and the gateway of the others: it cannot be the gateway"
        report(
            gateway, "machine", message, "adopt the machine that is, or leave it out and bring it the rules by hand"
        )
        return
    if machine.number != number:
        message = f"{name} is not the gateway: its number is {machine.number}, and the network's gateway is {number}"
        report(gateway, "machine", message, f"write number={number} into its module, or name another machine")
    if "ansible" not in machine.kept_by:
        keepers = " and ".join(sorted(machine.kept_by))
        message = f"{name}'s rules are Ansible's, and {keepers or 'nobody'} alone keeps it"
        report(machine, "kept_by", message, 'write kept_by={"ansible"}')
