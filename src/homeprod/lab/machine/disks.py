"""Allocating, importing and freeing the volumes behind drives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from homeprod.lab.api.error import ApiError
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.drive import Drive, print_drive
from homeprod.lab.machine.sizes import print_binary
from homeprod.lab.seeds import awaited_key
from homeprod.lab.spec import StorageSpec
from homeprod.lab.storage.names import image_name, name_of_path, parse_name, shown_path, split_volume
from homeprod.lab.storage.qcow2 import ImageError

CLOUDINIT_SIZE = 4 * 1024**2
TPM_SIZE = 4 * 1024**2
EFI_SIZES = {"2m": 131_072, "4m": 540_672}
Say = Callable[[str], None]


def next_image(hypervisor: Hypervisor, storage: StorageSpec, owner: int, image_format: str, *, is_base: bool) -> str:
    """The first free ``vm-OWNER-disk-N`` of the storage, whatever its format."""
    taken = {
        parse_name(storage, split_volume(record.volume)[1]).name.partition(".")[0]
        for record in hypervisor.catalog.owned_by(owner)
        if split_volume(record.volume)[0] == storage.name
    }
    number = 0
    while {f"vm-{owner}-disk-{number}", f"base-{owner}-disk-{number}"} & taken:
        number += 1
    return f"{storage.name}:{image_name(storage, owner, number, image_format, is_base=is_base)}"


def show_formatting(storage: StorageSpec, volume: str, size: int, say: Say) -> None:
    name = split_volume(volume)[1]
    parsed = parse_name(storage, name)
    if storage.kind != "dir":
        say(f'  Logical volume "{parsed.name}" created.')
        return
    more = {
        "qcow2": f"fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib "
        f"size={size} lazy_refcounts=off refcount_bits=16"
    }.get(parsed.format, f"fmt={parsed.format} size={size} preallocation=off")
    say(f"Formatting '{shown_path(storage, name)}', {more}")


async def allocate(
    hypervisor: Hypervisor, storage: StorageSpec, volume: str, owner: int, size: int, say: Say
) -> None:
    async with hypervisor.lock_storage(storage.name):
        await hypervisor.volumes.create(volume, size)
        hypervisor.catalog.add(volume, size, owner=owner)
    show_formatting(storage, volume, size, say)


async def free_volume(hypervisor: Hypervisor, volume: str) -> None:
    async with hypervisor.lock_storage(split_volume(volume)[0]):
        await hypervisor.volumes.delete(volume)
        hypervisor.catalog.remove(volume)


def find_owner(hypervisor: Hypervisor, volume: str) -> int | None:
    """The owner by the volume's own name; None for anything that is no image."""
    storage_name, name = split_volume(volume)
    storage = hypervisor.storages.get(storage_name)
    if storage is None:
        return None
    try:
        return parse_name(storage, name).owner
    except ApiError:
        return None


class DriveMaker:
    """Makes the drives of one request. ``made`` names what was allocated, for whoever must undo it."""

    def __init__(self, hypervisor: Hypervisor, vmid: int, node: str, say: Say, *, is_base: bool = False) -> None:
        self._hypervisor = hypervisor
        self._vmid = vmid
        self._node = node
        self._say = say
        self._is_base = is_base
        self.made: list[str] = []

    async def make(self, drive: Drive) -> str:
        """The stored line of a drive, its volume made where it asks for one. Raises ApiError."""
        if drive.is_empty:
            return print_drive(replace(drive, file="none" if drive.file == "none" else "cdrom").sized(None))
        storage_name, name = split_volume(drive.file)
        if name == "cloudinit" and drive.is_volume:
            return await self._make_cloudinit(drive, storage_name)
        if "import-from" in drive.options:
            return await self._import(drive)
        if drive.allocation is not None and not drive.is_cdrom:
            return await self._allocate(drive)
        return self._attach(drive)

    async def undo(self) -> None:
        for volume in self.made:
            await free_volume(self._hypervisor, volume)
        self.made.clear()

    def _attach(self, drive: Drive) -> str:
        if drive.file.startswith("/"):
            raise ApiError(f"volume {drive.file} does not exist")
        record = self._hypervisor.catalog.find(drive.file)
        if record is None:
            raise ApiError(f"volume '{drive.file}' does not exist")
        return print_drive(drive.sized(record.size if not drive.is_cloudinit else None))

    async def _make_cloudinit(self, drive: Drive, storage_name: str) -> str:
        storage = self._hypervisor.storage(storage_name)
        volume = f"{storage.name}:{image_name(storage, self._vmid, 'cloudinit', 'qcow2')}"
        if self._hypervisor.catalog.find(volume) is None:
            await allocate(self._hypervisor, storage, volume, self._vmid, CLOUDINIT_SIZE, self._say)
            self.made.append(volume)
        options = {"media": "cdrom"}
        self._say(f"{drive.slot}: successfully created disk '{volume},media=cdrom'")
        return print_drive(replace(drive, file=volume, options=options))

    async def _allocate(self, drive: Drive) -> str:
        storage_name, gib = drive.allocation or ("", 0.0)
        storage = self._available(storage_name)
        # Proxmox counts in KiB, rounded up; firmware variables and TPM state have sizes of their own.
        size = math.ceil(gib * 1024**2) * 1024
        if drive.slot == "efidisk0":
            size = EFI_SIZES[drive.options.get("efitype", "2m")]
        elif drive.slot == "tpmstate0":
            size = TPM_SIZE
        elif size > 8 * 1024**5:
            volume = next_image(self._hypervisor, storage, self._vmid, "raw", is_base=False)
            path = shown_path(storage, split_volume(volume)[1])
            raise ApiError(
                f"unable to create image: qemu-img: {path}: The image size is too large for file format 'raw'"
            )
        image_format = drive.options.get("format", "raw")
        volume = next_image(self._hypervisor, storage, self._vmid, image_format, is_base=self._is_base)
        await allocate(self._hypervisor, storage, volume, self._vmid, size, self._say)
        self.made.append(volume)
        return self._finish(drive, volume, size)

    async def _import(self, drive: Drive) -> str:
        source = self._find_source(drive.options["import-from"])
        storage = self._available((drive.allocation or ("", 0.0))[0])
        if key := awaited_key(self._hypervisor, source):
            await self._hypervisor.supply.wait_for(key, self._say)
        source_format = self._source_format(source) if not drive.options["import-from"].startswith("/") else "raw"
        image_format = drive.options.get("format") or source_format
        volume = next_image(self._hypervisor, storage, self._vmid, image_format, is_base=self._is_base)
        self._say(f"create full clone of drive ({source})")
        self.made.append(volume)
        self._hypervisor.require_space(storage, 1, f"qemu-img: error while writing to '{volume}'")
        async with self._hypervisor.lock_storage(storage.name):
            try:
                size = await self._hypervisor.volumes.import_from(volume, self._hypervisor.volumes.path(source))
            except (ImageError, OSError) as error:
                raise ApiError(f"qemu-img: Could not open '{self._shown(source)}': {error}") from error
            self._hypervisor.catalog.add(volume, size, owner=self._vmid)
        show_formatting(storage, volume, size, self._say)
        self._say(f"allocated target volume '{volume}'")
        total = print_binary(size)
        self._say(f"transferred 0.0 B of {total} (0.00%)")
        self._say(f"transferred {total} of {total} (100.00%)")
        return self._finish(drive, volume, size)

    def _finish(self, drive: Drive, volume: str, size: int) -> str:
        line = print_drive(replace(drive, file=volume).sized(size))
        self._say(f"{drive.slot}: successfully created disk '{line}'")
        return line

    def _available(self, name: str) -> StorageSpec:
        return self._hypervisor.storage(name)

    def _find_source(self, text: str) -> str:
        """The volume to import; a path is accepted where it is a storage's own."""
        volume = resolve_path(self._hypervisor, text) if text.startswith("/") else text
        if volume is None or self._hypervisor.catalog.find(volume) is None:
            raise ApiError(f"failed to stat '{text if volume is None else self._shown(volume)}'")
        return volume

    def _source_format(self, volume: str) -> str:
        storage_name, name = split_volume(volume)
        found = parse_name(self._hypervisor.storage(storage_name), name).format
        return found if found in ("raw", "qcow2", "vmdk") else "raw"

    def _shown(self, volume: str) -> str:
        storage_name, name = split_volume(volume)
        return shown_path(self._hypervisor.storage(storage_name), name)


def resolve_path(hypervisor: Hypervisor, path: str) -> str | None:
    """The volume id behind a path as Proxmox would print it, or None."""
    for storage in hypervisor.storages.values():
        name = name_of_path(storage, path)
        if name is not None:
            return f"{storage.name}:{name}"
    return None
