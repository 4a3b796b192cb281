"""Checks over a whole site: what no single declaration can know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from homeprod.core.secret import find_secret
from homeprod.site.addresses import MAX_VMID
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.controlchecks import check_control
from homeprod.site.declared import Collector, Declared, is_broken, source_of
from homeprod.site.entry.checks.entry import check_entry
from homeprod.site.machine import DataDisk, DataVirtualMachine, Machine, VirtualMachine
from homeprod.site.promotionchecks import check_promotion
from homeprod.site.site import DeclaredMachine, Site


def check_site(site: Site, collector: Collector) -> None:
    """Report every mistake of the site to the collector. Things that are broken in themselves are left out."""
    sound = [declared for declared in site.machines.values() if _is_sound(declared.machine, collector)]
    if not is_broken(site.config.cluster):
        _check_cluster(site, collector)
    if is_broken(site.config.addresses) or is_broken(site.config.addresses.network):
        return
    _check_network(site, collector)
    _check_vmids(site, sound, collector)
    _check_numbers(site, sound, collector)
    for declared in sound:
        _check_name(declared, collector)
        _check_secrets(declared.machine, collector)
        if isinstance(declared.machine, VirtualMachine):
            _check_mounts(site, declared.machine, collector)
        if isinstance(declared.machine, VirtualMachine | AdoptedVirtualMachine):
            _check_people(declared.machine, collector)
        if isinstance(declared.machine, DataVirtualMachine):
            _check_disks(declared.machine, collector)
        if isinstance(declared.machine, AdoptedVirtualMachine):
            _check_data_disks(site, declared.machine, collector)
    _check_shared_disks(sound, collector)
    for check in (check_control, check_promotion, check_entry):
        check(site, lambda declared, keyword, message, hint: _report(collector, declared, keyword, message, hint))


def _is_sound(machine: Machine, collector: Collector) -> bool:
    if is_broken(machine):
        return False
    if machine.number is None and machine.vmid is None:
        _report(collector, machine, "", f"{type(machine).__name__} needs number=")
        return False
    return True


def _report(collector: Collector, declared: Declared, keyword: str, message: str, hint: str = "") -> None:
    collector.report(source_of(declared), message, keyword=keyword, hint=hint)


def _check_cluster(site: Site, collector: Collector) -> None:
    """A CA file in the site is everybody's and must be there; one under ``~`` is each person's own affair."""
    cluster = site.config.cluster
    if cluster.ca_file and cluster.fingerprint:
        message = "ca_file and fingerprint are two ways to know the certificate: give one of them"
        _report(collector, cluster, "fingerprint", message)
    pins, endpoints = len(cluster.fingerprints), len(cluster.endpoints)
    if pins > 1 and pins != endpoints:
        message = f"there are {endpoints} endpoints and {pins} fingerprints: one for each, in the same order"
        _report(collector, cluster, "fingerprint", message)
    if cluster.token_file and cluster.user:
        message = "token_file and user are two ways to say who asks: give one of them"
        _report(collector, cluster, "user", message, "HOMEPROD_USER makes somebody else ask for one call")
    if cluster.password_file and not cluster.user:
        _report(collector, cluster, "password_file", "password_file needs user=, whose password it holds")
    file = site.find_file(cluster.ca_file)
    if file is None or cluster.ca_file.startswith("~"):
        return
    try:
        is_certificate = "-----BEGIN CERTIFICATE-----" in file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"cannot read the CA file {cluster.ca_file}: {error.strerror}"
        _report(collector, cluster, "ca_file", message, "copy the cluster's /etc/pve/pve-root-ca.pem there")
        return
    if not is_certificate:
        message = f"the CA file {cluster.ca_file} holds no certificate (PEM)"
        _report(collector, cluster, "ca_file", message, "copy the cluster's /etc/pve/pve-root-ca.pem there")


def _check_network(site: Site, collector: Collector) -> None:
    network = site.config.addresses.network
    last = network.subnet.num_addresses - 2
    for keyword, number in chain([("gateway", network.gateway)], (("resolvers", n) for n in network.resolvers)):
        if not 0 < number <= last:
            _report(collector, network, keyword, f"number {number} is outside {network.subnet}")
    if network.dhcp is not None and not 0 < network.dhcp[0] <= network.dhcp[1] <= last:
        _report(collector, network, "dhcp", f"DHCP range {network.dhcp} is outside {network.subnet}, or backwards")


def _check_name(declared: DeclaredMachine, collector: Collector) -> None:
    # RFC 1035 section 2.3.4: a label has at most 63 octets.
    if len(declared.name) > 63:
        message = f"the name {declared.name!r} is longer than the 63 characters of a DNS label"
        _report(collector, declared.machine, "", message, "rename the module")


def _check_secrets(machine: Machine, collector: Collector) -> None:
    """What goes into notes, tags and user data is read by everybody who sees the machine or its CD in Proxmox. The
    same is looked for again in every byte that leaves."""
    hint = "bring secrets by Ansible, never through the site"
    words = [("note", machine.note), *(("tags", tag) for tag in sorted(machine.tags))]
    if isinstance(machine, VirtualMachine):
        words += [("packages", package) for package in machine.packages]
    if isinstance(machine, VirtualMachine | AdoptedVirtualMachine):
        for person in machine.people:
            if not is_broken(person) and (found := find_secret("\n".join(person.keys))):
                _report(collector, person, "keys", f"keys: looks as if it held {found}", hint)
    for keyword, text in words:
        if found := find_secret(text):
            _report(collector, machine, keyword, f"{keyword}: looks as if it held {found}", hint)


def _check_vmids(site: Site, machines: list[DeclaredMachine], collector: Collector) -> None:
    seen: dict[int, DeclaredMachine] = {}
    for declared in machines:
        vmid = site.vmid(declared.machine)
        keyword = "vmid" if declared.machine.vmid is not None else "number"
        if vmid > MAX_VMID:
            _report(collector, declared.machine, keyword, f"VMID {vmid} is above Proxmox's {MAX_VMID}")
        if vmid in site.config.addresses.taken:
            holder = site.config.addresses.taken[vmid]
            _report(
                collector, declared.machine, keyword, f"VMID {vmid} is taken by {holder}, which is not homeprod's"
            )
        if vmid in seen and not _share_number(declared.machine, seen[vmid].machine):
            _report(collector, declared.machine, keyword, f"VMID {vmid} is {seen[vmid].name}'s already")
        seen.setdefault(vmid, declared)


def _share_number(machine: Machine, other: Machine) -> bool:
    """Whether their VMIDs are the same because their numbers are, which is reported of the numbers."""
    if machine.vmid is not None or other.vmid is not None or machine.number != other.number:
        return False
    return all(any(keyword == "number" for keyword, _ in _used_numbers(one)) for one in (machine, other))


def _used_numbers(machine: Machine) -> Iterator[tuple[str, int]]:
    if isinstance(machine, AdoptedVirtualMachine) and machine.number is not None:
        yield "number", machine.number
    if not isinstance(machine, VirtualMachine):
        return
    if not machine.dhcp:
        yield "number", machine.number
    for number in machine.addresses:
        yield "addresses", number


def _check_numbers(site: Site, machines: list[DeclaredMachine], collector: Collector) -> None:
    seen: dict[int, str] = {}
    for declared in machines:
        for keyword, number in _used_numbers(declared.machine):
            problem = find_clash(site, number, seen)
            if problem and not _is_gateway(site, declared, number):
                _report(collector, declared.machine, keyword, problem)
            seen.setdefault(number, declared.name)


def _is_gateway(site: Site, declared: DeclaredMachine, number: int) -> bool:
    """Whether that machine is what the site says is the gateway, so that the number is its own."""
    gateway = site.entry.gateway if site.entry is not None and not is_broken(site.entry) else None
    is_it = gateway is not None and not is_broken(gateway) and gateway.machine == declared.name
    is_sole = isinstance(declared.machine, AdoptedVirtualMachine)  # what homeprod makes cannot be its own gateway
    return is_it and is_sole and number == site.config.addresses.network.gateway


def find_clash(site: Site, number: int, seen: Mapping[int, str]) -> str:
    """Why no machine may have that host number, or nothing. ``seen`` names who has which already."""
    plan = site.config.addresses
    network = plan.network
    if not 0 < number < network.subnet.num_addresses - 1:
        return f"number {number} is outside {network.subnet}"
    if number == network.gateway:
        return f"number {number} ({network.address(number)}) is the gateway's"
    if number in plan.reserved:
        return f"number {number} ({network.address(number)}) is reserved for {plan.reserved[number]}"
    if network.dhcp is not None and network.dhcp[0] <= number <= network.dhcp[1]:
        return f"number {number} ({network.address(number)}) is in the DHCP range {network.dhcp[0]}-{network.dhcp[1]}"
    if number in seen:
        return f"number {number} ({network.address(number)}) is {seen[number]}'s already"
    return ""


def _check_mounts(site: Site, machine: VirtualMachine, collector: Collector) -> None:
    places: set[str] = set()
    labels: set[str] = set()
    for mount in machine.mounts:
        if is_broken(mount) or is_broken(mount.disk):
            continue
        if site.owner(mount.disk) is None:
            _report(collector, mount, "disk", f"the disk {mount.disk.label} belongs to no data VM of this site")
        if mount.at in places:
            _report(collector, mount, "at", f"two disks are mounted at {mount.at}")
        if mount.disk.label in labels:
            # Label and serial are what the guest knows a disk by.
            _report(collector, mount, "disk", f"two disks labelled {mount.disk.label} on one machine")
        places.add(mount.at)
        labels.add(mount.disk.label)


def _check_data_disks(site: Site, machine: AdoptedVirtualMachine, collector: Collector) -> None:
    for slot, disk in sorted(machine.data_disks.items()):
        if not is_broken(disk) and site.owner(disk) is None:
            message = f"the disk {disk.label} belongs to no data VM of this site"
            _report(collector, machine, "data_disks", message)
        if slot in machine.disks:
            _report(collector, machine, "data_disks", f"{slot} stands in disks as well")


def _check_shared_disks(machines: list[DeclaredMachine], collector: Collector) -> None:
    users: dict[int, str] = {}
    for declared in machines:
        for place, keyword, disk in _list_used_disks(declared.machine):
            if id(disk) in users:
                message = f"the disk {disk.label} is attached to {users[id(disk)]} already"
                _report(collector, place, keyword, message, "a disk can be used by one machine only")
            users.setdefault(id(disk), declared.name)


def _list_used_disks(machine: Machine) -> Iterator[tuple[Declared, str, DataDisk]]:
    """Where it is said, and the disk."""
    if isinstance(machine, VirtualMachine):
        yield from ((mount, "disk", mount.disk) for mount in machine.mounts if not is_broken(mount))
    elif isinstance(machine, AdoptedVirtualMachine):
        yield from ((machine, "data_disks", disk) for disk in machine.data_disks.values())


def _check_people(machine: VirtualMachine | AdoptedVirtualMachine, collector: Collector) -> None:
    names = [person.name for person in machine.people if not is_broken(person)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        _report(collector, machine, "people", f"two people are called {name}")


def _check_disks(machine: DataVirtualMachine, collector: Collector) -> None:
    labels: set[str] = set()
    for disk in machine.disks:
        if is_broken(disk):
            continue
        if disk.label in labels:
            _report(collector, disk, "label", f"two disks are labelled {disk.label}")
        if not disk.backup:
            _report(collector, disk, "backup", f"nobody backs up the data disk {disk.label}", "set backup=True")
        labels.add(disk.label)
