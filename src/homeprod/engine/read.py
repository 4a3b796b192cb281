"""Read what is: every machine that the site asks for or that carries its mark. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from homeprod.core.errors import HomeprodError, TransientError
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import Actual, ActualMachine, ListedMachine, MachineConfig, Resources
from homeprod.plan.image import desire_images
from homeprod.plan.mark import site_tag
from homeprod.site.site import Site


def read_actual(hypervisor: Hypervisor, site: Site) -> Actual:
    """Costs one call each for the version, the permissions and the list, one a machine in question, and one for the
    content of each (node, storage) with images or ISOs.

    The list can lag behind on other nodes, so what it misses is asked for by itself before it counts as gone, and
    what it shows where it no longer is, is looked for in another list. Nodes that are off are asked nothing. Raises
    ProxmoxError.
    """
    version = hypervisor.read_version()
    permissions = hypervisor.read_permissions()
    resources = hypervisor.read_resources()
    actual = Actual(version, permissions, resources, {})
    try:
        return _read_rest(hypervisor, site, actual)
    except TransientError:
        again = replace(actual, resources=hypervisor.read_resources())
        if again.online == actual.online:
            raise
        return _read_rest(hypervisor, site, again)  # a node went off meanwhile


def _read_rest(hypervisor: Hypervisor, site: Site, actual: Actual) -> Actual:
    asked = choose_machines(actual.resources, site)
    places = _choose_content(site, actual.resources, {machine.node for machine in asked})
    with ThreadPoolExecutor(max(1, min(4, len(places))), "content") as pool:
        contents = pool.map(lambda place: tuple(hypervisor.read_content(*place)), places)
        configs = _read_configs(hypervisor, asked)
        machines = _combine(asked, configs)
        lost = _find_lost(actual.resources, configs)
        if lost:
            resources = hypervisor.read_resources()
            actual = replace(actual, resources=resources)
            moved = [listed for listed in resources.machines if listed.vmid in lost and listed.node in actual.online]
            machines |= _combine(moved, _read_configs(hypervisor, moved))
        return replace(
            actual,
            machines=dict(sorted(machines.items())),
            content=dict(zip(places, contents, strict=True)),
        )


def _read_configs(hypervisor: Hypervisor, asked: Sequence[ListedMachine]) -> Mapping[int, MachineConfig | None]:
    return hypervisor.read_machines([(machine.node, machine.vmid) for machine in asked])


def _combine(asked: Sequence[ListedMachine], configs: Mapping[int, MachineConfig | None]) -> dict[int, ActualMachine]:
    found = ((machine, configs[machine.vmid]) for machine in asked)
    return {machine.vmid: ActualMachine(machine, config) for machine, config in found if config is not None}


def _find_lost(resources: Resources, configs: Mapping[int, MachineConfig | None]) -> frozenset[int]:
    """Listed, and not there when it was asked for: it was moved in between, or destroyed."""
    return frozenset(machine.vmid for machine in resources.machines if configs.get(machine.vmid, "") is None)


def read_everyone(hypervisor: Hypervisor, resources: Resources) -> Iterator[ActualMachine]:
    """Every machine of that list, whoever's it is, that is there and can be asked. One call each. Raises
    ProxmoxError."""
    online = resources.online
    listed = [machine for machine in resources.machines if not machine.is_container and machine.node in online]
    yield from _combine(listed, _read_configs(hypervisor, listed)).values() if listed else ()


def read_others(hypervisor: Hypervisor, resources: Resources, besides: Collection[int]) -> Iterator[ActualMachine]:
    """Every one besides these, where a single one that cannot be asked may be the one that matters. Raises
    HomeprodError for it."""
    others = tuple(m for m in resources.machines if m.vmid not in besides and not m.is_container)
    if away := sorted({machine.node for machine in others} - resources.online):
        raise HomeprodError(
            f"machines on {', '.join(away)} (offline) may use its disks, and cannot be asked; nothing was done",
            hint="start that node first; see what the others know of it, on one of them:\n\n  pvecm status",
        )
    yield from read_everyone(hypervisor, replace(resources, machines=others))


def choose_machines(resources: Resources, site: Site) -> list[ListedMachine]:
    """Those that the site asks for, or that carry its tag, on nodes that are online."""
    tag = site_tag(site.config.id)
    listed = {machine.vmid: machine for machine in resources.machines}
    online = resources.online
    asked = {vmid: machine for vmid, machine in listed.items() if tag in machine.tags and machine.node in online}
    for name, declared in site.machines.items():
        vmid = site.vmid(declared.machine)
        unlisted = ListedMachine(vmid, declared.machine.node or site.config.cluster.node, name, "unknown")
        found = listed.get(vmid, unlisted)
        if found.node in online:  # of a machine on a node that is off nothing can be known
            asked[vmid] = found
    return [machine for _, machine in sorted(asked.items()) if not machine.is_container]


def _choose_content(site: Site, resources: Resources, nodes: set[str]) -> list[tuple[str, str]]:
    """Where this site's images and ISOs are, or would be: each (node, storage) that can be asked. The storages of a
    node that went off a moment ago are still shown as available."""
    wanted = {(image.node, image.storage) for image in desire_images(site)}
    wanted |= {(node, site.config.iso.name) for node in nodes}
    available = {(storage.node, storage.name) for storage in resources.storages if storage.is_available}
    return sorted((node, storage) for node, storage in wanted & available if node in resources.online)
