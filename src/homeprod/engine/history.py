"""Read the history: each node's task log, page by page, and the marks of the machines that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.errors import UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.engine.read import choose_machines
from homeprod.plan.actual import ActualMachine, Resources
from homeprod.plan.history import Deed, Interest, find_interest, tell_deed
from homeprod.plan.mark import Mark
from homeprod.plan.record import TaskRecord
from homeprod.site.site import Site

PAGE = 500
"""Tasks asked for at once (Proxmox's own default is 50)."""
DEEPEST = 20
"""Pages of one node at most; Proxmox itself keeps two files of a few thousand tasks."""


@dataclass(frozen=True, slots=True)
class History:
    """``deeds`` are the newest first. ``marks`` by address: of each machine of the site that is there. ``unread`` are
    the nodes that are not online, so that what was done there is not known."""

    deeds: tuple[Deed, ...]
    marks: Mapping[Address, Mark]
    nodes: tuple[str, ...]
    unread: tuple[str, ...]


def read_history(
    hypervisor: Hypervisor, site: Site, *, name: str = "", errors: bool = False, limit: int = 50
) -> History:
    """The last ``limit`` deeds: of the whole site, or of one machine by its name or VMID, also one that is gone.
    ``errors`` leaves out what went well. Raises UsageError for a name that nobody has, and ProxmoxError."""
    resources = hypervisor.read_resources()
    marks = _read_marks(hypervisor, site, resources)
    names = {site.vmid(declared.machine): declared.address for declared in site.machines.values()}
    names |= {mark.vmid: address for address, mark in marks.items()}
    vmids = _choose_vmids(names, name) if name else frozenset(names)
    interest = find_interest(site, vmids)
    nodes = tuple(sorted(node.name for node in resources.nodes if node.is_online))
    records: list[TaskRecord] = []
    for node in nodes:
        for vmid in sorted(vmids) if name else [None]:
            records += _read_node(hypervisor, node, vmid, interest, errors=errors, limit=limit)
    records.sort(key=lambda record: (record.start, record.upid), reverse=True)
    return History(
        tuple(tell_deed(record, names) for record in records[:limit]),
        {address: mark for address, mark in marks.items() if mark.vmid in vmids},
        nodes,
        tuple(sorted(node.name for node in resources.nodes if not node.is_online)),
    )


def _read_marks(hypervisor: Hypervisor, site: Site, resources: Resources) -> dict[Address, Mark]:
    asked = choose_machines(resources, site)
    configs = hypervisor.read_machines([(machine.node, machine.vmid) for machine in asked])
    found = {machine.vmid: ActualMachine(machine, config) for machine in asked if (config := configs[machine.vmid])}
    marks = {vmid: mark for vmid, machine in found.items() if (mark := machine.mark) is not None}
    return {mark.address: mark for mark in marks.values() if mark.site == site.config.id}


def _choose_vmids(names: Mapping[int, Address], name: str) -> frozenset[int]:
    found = frozenset(vmid for vmid, address in names.items() if address.name == name or str(vmid) == name)
    if found:
        return found
    if name.isdecimal() and 100 <= int(name) <= 999_999_999:
        return frozenset({int(name)})  # a machine that is gone is remembered by its VMID alone
    known = ", ".join(sorted(address.name for address in names.values()))
    raise UsageError(
        f"the site has no machine {name!r}", hint=f"there are: {known}; one that is gone is known by its VMID"
    )


def _read_node(
    hypervisor: Hypervisor, node: str, vmid: int | None, interest: Interest, *, errors: bool, limit: int
) -> Iterator[TaskRecord]:
    """The newest ``limit`` of interest, as far as the log goes back."""
    left = limit
    for page in range(DEEPEST):
        records = hypervisor.read_tasks(node, vmid=vmid, errors=errors, start=page * PAGE, limit=PAGE)
        for record in filter(interest.covers, records):
            if left == 0:
                return
            left -= 1
            yield record
        if len(records) < PAGE:
            return
