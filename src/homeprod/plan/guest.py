"""What each machine is told at its first boot: the site's words as cloud-init's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.cloudinit.iso import name_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import DataMount, Guest, User
from homeprod.core.ids import choose_mac
from homeprod.plan.volume import StoredFile
from homeprod.site.configured import list_people
from homeprod.site.machine import VirtualMachine
from homeprod.site.rendered.settings import render_settings
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class DesiredIso(StoredFile):
    """The cloud-init ISO of one machine. ``volume`` is ``STORAGE:iso/NAME``; the name carries its content's hash."""

    volume: str
    guest: Guest
    card: Card

    def render_files(self) -> Mapping[str, bytes]:
        """Its files by name. Raises HomeprodError where one looks as if it held a secret."""
        return render_files(self.guest, self.card)


def desire_iso(site: Site, name: str, machine: VirtualMachine, instance: str) -> DesiredIso:
    """``instance`` is the machine's creation nonce, which never changes in its life."""
    guest, card = _describe_guest(site, name, machine, instance), _describe_card(site, machine)
    return DesiredIso(f"{site.config.iso.name}:iso/{name_iso(site.config.id, guest, card)}", guest, card)


def _describe_guest(site: Site, name: str, machine: VirtualMachine, instance: str) -> Guest:
    return Guest(
        name=name,
        instance=f"{site.vmid(machine)}-{instance}",  # not the name, which may change in the machine's life
        domain=site.config.addresses.network.domain,
        users=tuple(User(person.name, person.keys, person.sudo) for person in list_people(site, machine)),
        packages=machine.packages,
        mounts=tuple(DataMount(mount.disk.label, mount.at) for mount in machine.mounts),
        control=render_settings(site, name) if machine.control is not None else "",
    )


def _describe_card(site: Site, machine: VirtualMachine) -> Card:
    network = site.config.addresses.network
    numbers = () if machine.dhcp else (machine.number, *machine.addresses)
    addresses = [f"{network.address(number)}/{network.subnet.prefixlen}" for number in numbers]
    gateways = [str(network.address(network.gateway))]
    if network.subnet6 is not None:
        addresses += [f"{network.address6(number)}/{network.subnet6.prefixlen}" for number in numbers]
        gateways.append(str(network.address6(network.gateway)))
    return Card(
        mac=choose_mac(site.config.id, site.vmid(machine)),
        addresses=tuple(addresses),
        gateways=tuple(gateways),
        resolvers=tuple(str(network.address(number)) for number in network.resolvers),
        domain=network.domain,
    )
