"""A site's control nodes as machines: which one is meant, and what its guest agent reads there."""

from __future__ import annotations

from homeprod.core.errors import TransientError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.site.configured import find_control
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site


def choose_node(site: Site, name: str = "") -> str:
    """The control node of that name, or the only one that is started. Raises UsageError."""
    known = [declared for declared in site.machines.values() if find_control(declared.machine)]
    started = [d.name for d in known if isinstance(d.machine, VirtualMachine) and d.machine.started]
    if name:
        if name not in [declared.name for declared in known]:
            there = ", ".join(declared.name for declared in known) or "none"
            raise UsageError(f"{name} is no control node", hint=f"there are: {there}")
        return name
    if len(started) != 1:
        there = ", ".join(started) or "none"
        raise UsageError("say which control node is meant", hint=f"there are: {there}")
    return started[0]


def read_node_file(site: Site, hypervisor: Hypervisor, node: str, path: str) -> str | None:
    """A file of the control node, through its guest agent; None where it is not there, or nobody answers."""
    machine = site.machines[node].machine
    vmid = site.vmid(machine)
    listed = next((one for one in hypervisor.read_resources().machines if one.vmid == vmid), None)
    if listed is None:
        return None
    try:
        return hypervisor.read_guest_file(listed.node, vmid, path)
    except TransientError:
        return None
