"""Files on Proxmox's storages: images fetched or sent, cloud-init ISOs sent, both taken away again."""

from __future__ import annotations

from homeprod.cloudinit.iso import build_iso
from homeprod.core.errors import HomeprodError, NotFoundError, ProxmoxError
from homeprod.engine.work import Say, Work
from homeprod.plan.bundle import desire_bundles
from homeprod.plan.change import Change
from homeprod.plan.config import Drive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import DesiredImage, desire_images
from homeprod.site.machine import VirtualMachine


def bring_image(work: Work, change: Change, say: Say) -> None:
    """Have the node fetch the image itself, or send it there where the site says so. Raises HomeprodError."""
    wanted = next(
        image for image in desire_images(work.site) if (image.node, image.volume) == (change.node, change.volume)
    )
    if wanted.image.via == "upload":
        _send_image(work, wanted, say)
        return
    try:
        _fetch_image(work, wanted, say)
    except ProxmoxError:
        # An earlier attempt whose answer was lost, or another person's apply, may have brought it. Proxmox gives a
        # file its name only when it is whole and its checksum right.
        if all(volume.id != wanted.volume for volume in work.hypervisor.read_content(wanted.node, wanted.storage)):
            raise


def _fetch_image(work: Work, wanted: DesiredImage, say: Say) -> None:
    image = wanted.image
    work.run(
        lambda: work.hypervisor.fetch_image(
            wanted.node,
            wanted.storage,
            wanted.file,
            image.url,
            content="import",
            checksum=image.checksum,
            algorithm=image.algorithm,
        ),
        say,
    )


def _send_image(work: Work, wanted: DesiredImage, say: Say) -> None:
    if work.image_source is None:
        raise HomeprodError("there is no way to upload images here", where=str(wanted.address))
    file = work.image_source(wanted.image, say)
    checksum = wanted.image.checksum if wanted.image.algorithm == "sha256" else ""
    say(f"uploading {file.stat().st_size // 1024**2} MiB")
    work.run(
        lambda: work.hypervisor.upload(
            wanted.node, wanted.storage, wanted.file, file, content="import", checksum=checksum
        ),
        say,
    )


def bring_bundle(work: Work, change: Change, say: Say) -> None:
    """Build what control nodes are installed from, and send it. Raises HomeprodError."""
    if work.bundle_source is None:
        raise HomeprodError("there is no way to build bundles here", where=str(change.address))
    wanted = next(one for one in desire_bundles(work.site) if (one.node, one.volume) == (change.node, change.volume))
    file = work.bundle_source(wanted.file, say)
    say(f"uploading {file.stat().st_size // 1024**2} MiB")
    work.run(lambda: work.hypervisor.upload(wanted.node, wanted.storage, wanted.file, file, content="iso"), say)


def send_iso(work: Work, machine: DesiredMachine, node: str, instance: str, say: Say) -> str | None:
    """Upload the machine's cloud-init ISO; its volume, or None for a data VM, which is never booted."""
    declared = work.site.machines[machine.address.name].machine
    if not isinstance(declared, VirtualMachine):
        return None
    iso = desire_iso(work.site, machine.address.name, declared, instance)
    content = build_iso(iso.render_files())
    say(f"sending its cloud-init CD, {iso.file}")
    work.run(lambda: work.hypervisor.upload(node, iso.storage, iso.file, content, content="iso"), say, is_news=False)
    return iso.volume


def drop_iso(work: Work, node: str, vmid: int, volume: str, say: Say) -> None:
    """Delete an ISO of ours, unless some configuration still names it, now or after a cold start. Only what carries
    this site's name is touched."""
    if not volume.partition(":")[2].startswith(f"iso/homeprod-{work.site.config.id[:8]}-"):
        return
    try:
        current = work.hypervisor.read_machine(node, vmid)
    except NotFoundError:
        pass
    else:
        values = [*current.config.values(), *current.pending.values()]
        if any(isinstance(value, Drive) and value.volume == volume for value in values):
            return
    others = (found for other, found in work.actual.machines.items() if other != vmid)
    if not any(volume in found.volumes() for found in others):
        delete_file(work, node, volume, say)


def delete_file(work: Work, node: str, volume: str, say: Say) -> None:
    work.run(lambda: work.hypervisor.delete_volume(node, volume), say)
