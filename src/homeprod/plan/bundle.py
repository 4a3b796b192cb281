"""The bundle that control nodes are installed from: an ISO beside their cloud-init one."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.plan.config import Drive
from homeprod.plan.volume import StoredFile
from homeprod.site.configured import find_control
from homeprod.site.site import Site

SLOT = "ide0"


@dataclass(frozen=True, slots=True)
class DesiredBundle(StoredFile):
    """On one node. ``volume`` is ``STORAGE:iso/NAME``; its name says what is in it."""

    address: Address
    node: str
    volume: str


def bundle_name(site: Site) -> str:
    return f"homeprod-{site.config.id[:8]}-bundle-{site.bundle}.iso"


def bundle_drive(site: Site) -> Drive:
    return Drive(f"{site.config.iso.name}:iso/{bundle_name(site)}", None, (("media", "cdrom"),))


def desire_bundles(site: Site) -> tuple[DesiredBundle, ...]:
    """One on every node where a control node is."""
    machines = (declared.machine for declared in site.machines.values() if find_control(declared.machine))
    nodes = {machine.node or site.config.cluster.node for machine in machines}
    address = Address("iso", bundle_name(site))
    return tuple(DesiredBundle(address, node, bundle_drive(site).volume) for node in sorted(nodes))
