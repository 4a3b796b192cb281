"""The bundle that control nodes are installed from: an ISO beside their cloud-init one."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.plan.config import Drive
from homeprod.site.configured import find_control
from homeprod.site.site import DeclaredMachine, Site

SLOT = "ide0"


@dataclass(frozen=True, slots=True)
class DesiredBundle:
    """On one node. ``volume`` is ``STORAGE:iso/NAME``; its name says what is in it."""

    address: Address
    node: str
    volume: str

    @property
    def storage(self) -> str:
        return self.volume.partition(":")[0]

    @property
    def file(self) -> str:
        return self.volume.partition("/")[2]


def bundle_name(site: Site) -> str:
    return f"homeprod-{site.config.id[:8]}-bundle-{site.bundle}.iso"


def bundle_drive(site: Site) -> Drive:
    return Drive(f"{site.config.iso.name}:iso/{bundle_name(site)}", None, (("media", "cdrom"),))


def needs_bundle(declared: DeclaredMachine) -> bool:
    return find_control(declared.machine) is not None


def desire_bundles(site: Site) -> tuple[DesiredBundle, ...]:
    """One on every node where a control node is."""
    machines = (declared.machine for declared in site.machines.values() if needs_bundle(declared))
    nodes = {machine.node or site.config.cluster.node for machine in machines}
    address = Address("iso", bundle_name(site))
    return tuple(DesiredBundle(address, node, bundle_drive(site).volume) for node in sorted(nodes))
