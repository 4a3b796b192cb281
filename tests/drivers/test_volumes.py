"""The driver suite: disks, images and CDs. Each test runs unchanged over every target."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.drivers.imageserver import ImageServer
from tests.drivers.target import Target

from homeprod.core.errors import ProxmoxError
from homeprod.core.sizes import GiB
from homeprod.plan.config import Drive, NewDrive


def test_a_new_disk_is_made_and_owned_by_its_machine(target: Target) -> None:
    options = (("backup", "0"), ("discard", "on"), ("serial", "S1"))
    vmid = target.create({"scsi0": NewDrive(target.disks, 1 * GiB, options=options)})
    drive = target.hypervisor.read_machine(target.node, vmid).config["scsi0"]
    assert isinstance(drive, Drive)
    assert (drive.size, drive.options) == (1 * GiB, options)
    content = {volume.id: volume for volume in target.hypervisor.read_content(target.node, target.disks)}
    assert content[drive.volume].owner == vmid
    assert content[drive.volume].size == 1 * GiB


def test_a_disk_takes_an_images_content(target: Target) -> None:
    image = target.upload("homeprod-suite.raw", bytes(2 * 1024**2), "import")
    vmid = target.create({"scsi0": NewDrive(target.disks, 1 * GiB, import_from=image)})
    drive = target.hypervisor.read_machine(target.node, vmid).config["scsi0"]
    assert isinstance(drive, Drive)
    assert drive.size is not None
    # Volumes of LVM are whole extents of 4 MiB.
    assert 2 * 1024**2 <= drive.size <= 4 * 1024**2


def test_a_disk_grows_and_never_shrinks(target: Target) -> None:
    vmid = target.create({"scsi0": NewDrive(target.disks, 1 * GiB)})
    target.run(target.hypervisor.grow_disk(target.node, vmid, "scsi0", 3 * GiB // 2))
    drive = target.hypervisor.read_machine(target.node, vmid).config["scsi0"]
    assert isinstance(drive, Drive)
    assert drive.size == 3 * GiB // 2
    with pytest.raises(ProxmoxError, match="shrink"):
        target.run(target.hypervisor.grow_disk(target.node, vmid, "scsi0", 1 * GiB))


def test_a_foreign_disk_outlives_its_consumer(target: Target) -> None:
    owner = target.create({"scsi0": NewDrive(target.disks, 1 * GiB), "protection": True})
    drive = target.hypervisor.read_machine(target.node, owner).config["scsi0"]
    assert isinstance(drive, Drive)
    consumer = target.create({"scsi1": Drive(drive.volume, options=(("backup", "1"), ("serial", "data")))})
    attached = target.hypervisor.read_machine(target.node, consumer).config["scsi1"]
    assert attached == Drive(drive.volume, 1 * GiB, (("backup", "1"), ("serial", "data")))
    target.run(target.hypervisor.change_machine(target.node, consumer, {}, delete=["scsi1"]))
    assert drive.volume in target.list_volumes(target.disks)
    target.run(target.hypervisor.change_machine(target.node, consumer, {"scsi1": Drive(drive.volume)}))
    target.run(target.hypervisor.destroy_machine(target.node, consumer))
    assert drive.volume in target.list_volumes(target.disks)


def test_a_disk_is_given_to_another_machine_with_its_options(target: Target) -> None:
    options = (("backup", "0"), ("serial", "data"))
    vmid = target.create({"scsi1": NewDrive(target.disks, 1 * GiB, options=options)})
    other = target.create({})
    target.run(target.hypervisor.give_disk(target.node, vmid, "scsi1", to=other, as_slot="scsi3"))
    drive = target.hypervisor.read_machine(target.node, other).config["scsi3"]
    assert isinstance(drive, Drive)
    assert (drive.size, drive.options) == (1 * GiB, options)
    content = {volume.id: volume for volume in target.hypervisor.read_content(target.node, target.disks)}
    assert content[drive.volume].owner == other
    assert "scsi1" not in target.hypervisor.read_machine(target.node, vmid).config


def test_an_uploaded_iso_is_attached_and_swapped(target: Target) -> None:
    content = b"not really an image" * 1000
    digest = hashlib.sha256(content).hexdigest()
    first = target.upload("homeprod-suite-1.iso", content, checksum=digest)
    second = target.upload("homeprod-suite-2.iso", content)
    listed = {volume.id: volume for volume in target.hypervisor.read_content(target.node, target.files)}
    assert (listed[first].content, listed[first].size, listed[first].owner) == ("iso", len(content), None)
    cdrom = (("media", "cdrom"),)
    vmid = target.create({"ide2": Drive(first, options=cdrom)})
    target.run(target.hypervisor.start_machine(target.node, vmid))
    target.run(target.hypervisor.change_machine(target.node, vmid, {"ide2": Drive(second, options=cdrom)}))
    read = target.hypervisor.read_machine(target.node, vmid)
    drive = read.pending.get("ide2", read.config["ide2"])
    assert isinstance(drive, Drive)
    assert drive.volume == second
    assert drive.is_cdrom


def test_a_deleted_volume_is_gone_and_may_be_deleted_again(target: Target) -> None:
    volume = target.upload("homeprod-suite-3.iso", b"content")
    target.run(target.hypervisor.delete_volume(target.node, volume))
    assert volume not in target.list_volumes(target.files)
    target.run(target.hypervisor.delete_volume(target.node, volume))


def test_a_file_on_disk_is_uploaded_as_it_is_read(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "large.iso"
    with file.open("wb") as stream:
        stream.truncate(20 * 1024**2)
    task = target.hypervisor.upload(target.node, target.files, "homeprod-suite-4.iso", file, content="iso")
    volume = f"{target.files}:iso/homeprod-suite-4.iso"
    target.uploaded.append(volume)
    target.run(task)
    assert {v.id: v.size for v in target.hypervisor.read_content(target.node, target.files)}[volume] == 20 * 1024**2


def test_an_upload_with_a_wrong_checksum_is_refused(target: Target) -> None:
    with pytest.raises(ProxmoxError, match="checksum mismatch") as caught:
        target.upload("homeprod-suite-5.iso", b"content", checksum=hashlib.sha256(b"other").hexdigest())
    assert "publisher" in caught.value.hint
    assert f"{target.files}:iso/homeprod-suite-5.iso" not in target.list_volumes(target.files)


def test_a_storage_without_the_content_type(target: Target) -> None:
    with pytest.raises(ProxmoxError) as caught:
        target.run(
            target.hypervisor.upload(target.node, target.disks, "homeprod-suite-6.iso", b"content", content="iso")
        )
    assert target.disks in str(caught.value)


def test_a_node_fetches_an_image_and_checks_it(target: Target, image_server: ImageServer) -> None:
    if not target.can_serve:
        pytest.skip("this target does not reach a web server of the test's own machine")
    target.uploaded.append(f"{target.files}:import/homeprod-suite-7.raw")
    lines: list[str] = []
    task = target.hypervisor.fetch_image(
        target.node,
        target.files,
        "homeprod-suite-7.raw",
        image_server.url,
        content="import",
        checksum=image_server.sha256,
        algorithm="sha256",
    )
    target.hypervisor.wait(task, on_line=lines.append)
    listed = {volume.id: volume for volume in target.hypervisor.read_content(target.node, target.files)}
    assert listed[f"{target.files}:import/homeprod-suite-7.raw"].size == image_server.size
    assert any("downloading" in line for line in lines)


def test_a_fetched_image_with_a_wrong_checksum_is_refused(target: Target, image_server: ImageServer) -> None:
    if not target.can_serve:
        pytest.skip("this target does not reach a web server of the test's own machine")
    task = target.hypervisor.fetch_image(
        target.node,
        target.files,
        "homeprod-suite-8.raw",
        image_server.url,
        content="import",
        checksum="0" * 64,
        algorithm="sha256",
    )
    with pytest.raises(ProxmoxError, match="checksum mismatch") as caught:
        target.hypervisor.wait(task)
    assert "publisher" in caught.value.hint
    assert f"{target.files}:import/homeprod-suite-8.raw" not in target.list_volumes(target.files)
