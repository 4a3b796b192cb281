"""The draft of a data VM that was made to take over a disk."""

from __future__ import annotations

from homeprod.core.sizes import MiB
from homeprod.plan.draft.text import Draft, Vocabulary, Writer
from homeprod.plan.handover import Handover
from homeprod.site.machine import Machine
from homeprod.site.site import Site


def draft_keeper(site: Site, vocabulary: Vocabulary, handover: Handover, user: Machine | None) -> Draft:
    """``user`` is the module of the machine that the disk was of: the data VM gets its number, where that makes its
    VMID."""
    keeper, number = handover.keeper, user.number if user is not None else None
    writer = Writer(vocabulary, "DataVirtualMachine")
    addresses = site.config.addresses
    if number is not None:
        writer.add("number", str(number))
    if number is None or addresses.data_vmid(addresses.vmid(number)) != keeper.vmid:
        writer.add("vmid", str(keeper.vmid))
    writer.add_environment()
    node = handover.user.listed.node
    if node != site.config.cluster.node:
        writer.add("node", f'"{node}"')
    writer.add("disks", f"({declare_disk(writer, handover)},)")
    name = keeper.address.name
    uses = handover.user.mark.address.name if handover.user.mark is not None else handover.user.listed.name
    purpose = f"{name}: VMID {keeper.vmid}, a data VM. It is never booted; it owns a disk that {uses} uses."
    return Draft(name, writer.render(purpose))


def declare_disk(writer: Writer, handover: Handover, *, names_volume: bool = False) -> str:
    """In whole MiB: a disk that is a little larger stays so. An adopted data VM's disks are known by volume."""
    size = max(1, (handover.drive.size or 0) // MiB) * MiB
    writer.names.add("DataDisk")
    storage = writer.name_datastore(handover.drive.storage)
    volume = f', volume="{handover.drive.volume}"' if names_volume else ""
    return f'DataDisk(label="{handover.label}", size={writer.name_size(size)}, on={storage}{volume})'
