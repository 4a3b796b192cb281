"""Read what is: every machine that the site asks for or that carries its mark. Nothing here writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import Actual, ActualMachine, ListedMachine, Resources
from homeprod.plan.image import desire_images
from homeprod.plan.mark import site_tag
from homeprod.site.site import Site


def read_actual(hypervisor: Hypervisor, site: Site) -> Actual:
    """Costs one call each for the version, the permissions and the list, one a machine in question, and one for the
    content of each (node, storage) with images or ISOs.

    The list can lag behind on other nodes, so what it misses is asked for by itself before it counts as gone.
    Raises ProxmoxError.
    """
    version = hypervisor.read_version()
    permissions = hypervisor.read_permissions()
    resources = hypervisor.read_resources()
    asked = choose_machines(resources, site)
    places = _choose_content(site, resources, {machine.node for machine in asked})
    with ThreadPoolExecutor(max(1, min(4, len(places))), "content") as pool:
        contents = pool.map(lambda place: tuple(hypervisor.read_content(*place)), places)
        configs = hypervisor.read_machines([(machine.node, machine.vmid) for machine in asked])
        machines = {
            machine.vmid: ActualMachine(machine, config)
            for machine in asked
            if (config := configs[machine.vmid]) is not None
        }
        return Actual(version, permissions, resources, machines, dict(zip(places, contents, strict=True)))


def choose_machines(resources: Resources, site: Site) -> list[ListedMachine]:
    """Those that the site asks for, or that carry its tag, on nodes that are online."""
    tag = site_tag(site.config.id)
    listed = {machine.vmid: machine for machine in resources.machines}
    online = {node.name for node in resources.nodes if node.is_online}
    asked = {vmid: machine for vmid, machine in listed.items() if tag in machine.tags and machine.node in online}
    for name, declared in site.machines.items():
        vmid = site.vmid(declared.machine)
        unlisted = ListedMachine(vmid, declared.machine.node or site.config.cluster.node, name, "unknown")
        found = listed.get(vmid, unlisted)
        if found.node in online:  # a machine on a node that is not there is a conflict of the plan, not an error
            asked[vmid] = found
    return [machine for _, machine in sorted(asked.items()) if not machine.is_container]


def _choose_content(site: Site, resources: Resources, nodes: set[str]) -> list[tuple[str, str]]:
    """Where this site's images and ISOs are, or would be: each (node, storage) that can be asked."""
    wanted = {(image.node, image.storage) for image in desire_images(site)}
    wanted |= {(node, site.config.iso.name) for node in nodes}
    available = {(storage.node, storage.name) for storage in resources.storages if storage.is_available}
    return sorted(wanted & available)
