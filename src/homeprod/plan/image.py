"""Images: what each node must hold before machines can be made from them."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.core.address import Address
from homeprod.plan.volume import StoredFile
from homeprod.site.machine import VirtualMachine
from homeprod.site.place import Image
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class DesiredImage(StoredFile):
    """An image on one node. ``volume`` is ``STORAGE:import/NAME``."""

    address: Address
    node: str
    volume: str
    image: Image


def image_name(site: Site, image: Image) -> str:
    """``homeprod-<site id, 8>-<release>-<checksum, 12>.<extension>``. Proxmox's ``import`` content takes .qcow2, .raw
    and .vmdk; cloud images called .img are qcow2."""
    extension = image.url.rpartition(".")[2]
    kind = "qcow2" if extension == "img" else extension
    return f"homeprod-{site.config.id[:8]}-{image.release}-{image.checksum[:12]}.{kind}"


def image_volume(site: Site, image: Image) -> str:
    return f"{image.on.name}:import/{image_name(site, image)}"


def desire_images(site: Site) -> tuple[DesiredImage, ...]:
    """Every image that a machine is made from, on every node where one is; by node and name."""
    machines = (d.machine for d in site.machines.values() if isinstance(d.machine, VirtualMachine))
    wanted = {(machine.node or site.config.cluster.node, machine.image) for machine in machines}
    found: dict[tuple[str, str], DesiredImage] = {}
    for node, image in wanted:
        volume = image_volume(site, image)
        found[node, volume] = DesiredImage(Address("image", image_name(site, image)), node, volume, image)
    return tuple(image for _, image in sorted(found.items()))
