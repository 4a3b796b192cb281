"""Read what is: every machine that the site asks for or that carries its mark. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping

from homeprod.core.address import Address
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import ListedMachine
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.diff import ActualMachine
from homeprod.plan.mark import site_tag


def read_actual(
    hypervisor: Hypervisor, site_id: str, desired: Mapping[Address, DesiredMachine]
) -> dict[int, ActualMachine]:
    """By VMID. Costs one call for the version, one for the list, and one a machine in question.

    The list can lag behind on other nodes, so what it misses is asked for by itself before it counts as gone.
    Raises ProxmoxError.
    """
    hypervisor.read_version()
    listed = {machine.vmid: machine for machine in hypervisor.read_resources().machines}
    tag = site_tag(site_id)
    asked = {vmid: machine for vmid, machine in listed.items() if tag in machine.tags}
    for machine in desired.values():
        unlisted = ListedMachine(machine.vmid, machine.node, machine.address.name, "unknown")
        asked[machine.vmid] = listed.get(machine.vmid, unlisted)
    virtual = [machine for _, machine in sorted(asked.items()) if not machine.is_container]
    configs = hypervisor.read_machines([(machine.node, machine.vmid) for machine in virtual])
    return {
        machine.vmid: ActualMachine(machine, config)
        for machine in virtual
        if (config := configs[machine.vmid]) is not None
    }
