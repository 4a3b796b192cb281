"""Join: tasks that an apply began, was cut off from, and that still run. They are waited for, never begun again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.core.errors import NotFoundError, ProxmoxError, TransientError
from homeprod.engine.ports import ActiveTask, Hypervisor
from homeprod.plan.actual import Actual
from homeprod.plan.image import desire_images
from homeprod.site.site import Site

MACHINE_KINDS = frozenset(
    {"qmcreate", "qmconfig", "qmdestroy", "qmmove", "qmshutdown", "qmstart", "qmstop", "resize", "hastart", "hastop"}
)
"""Of tasks about a VMID that an apply begins (PVE::API2::Qemu, and for machines that HA manages PVE::API2::HA)."""
LIMIT = 3600.0
"""Seconds that one is waited for, as for any task."""


@dataclass(frozen=True, slots=True)
class Joinable:
    """A running task, and the resource that it works on."""

    address: Address
    task: ActiveTask


def list_tasks(hypervisor: Hypervisor, nodes: Sequence[str]) -> list[ActiveTask]:
    """One call a node. Raises ProxmoxError, but not for a node that is away: of that the plan speaks."""
    found: list[ActiveTask] = []
    for node in nodes:
        try:
            found += hypervisor.read_active_tasks(node)
        except (NotFoundError, TransientError):
            continue
    return found


def list_nodes(site: Site) -> list[str]:
    """Where the site's machines are meant to be."""
    nodes = {declared.machine.node or site.config.cluster.node for declared in site.machines.values()}
    return sorted(nodes | {site.config.cluster.node})


def choose_ours(site: Site, actual: Actual, tasks: Sequence[ActiveTask]) -> Iterator[Joinable]:
    """Those on this site's machines and files. An upload's task does not say which file it brings, so that any of our
    own credential counts; it only copies what was sent already."""
    machines = {site.vmid(declared.machine): declared.address for declared in site.machines.values()}
    machines |= {vmid: found.mark.address for vmid, found in actual.machines.items() if found.mark is not None}
    images = {image.file: image.address for image in desire_images(site)}
    for task in tasks:
        if task.kind in MACHINE_KINDS and task.about.isdecimal() and (address := machines.get(int(task.about))):
            yield Joinable(address, task)
        elif task.kind == "download" and task.about in images:
            yield Joinable(images[task.about], task)
        elif task.kind == "imgcopy" and task.is_own:
            yield Joinable(Address("iso", f"homeprod-{site.config.id[:8]}"), task)


def join_task(hypervisor: Hypervisor, joinable: Joinable, say: Callable[[str], None]) -> None:
    """Wait for its end, with its own words. That it fails is told and no error: the next plan sees what there is."""
    try:
        hypervisor.wait(joinable.task.task, on_line=say, timeout=LIMIT)
    except ProxmoxError as error:
        say(f"it ended badly: {error.message}")
