"""Seeds: images that the lab offers under the site's own volume names, without a call that brings them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import Source, StandIn, source_of
from homeprod.lab.spec import SeedSpec
from homeprod.lab.storage.catalog import VolumeRecord
from homeprod.lab.storage.names import parse_name, split_volume
from homeprod.lab.storage.qcow2 import write_qcow2

STAND_IN_SIZE = 1024 * 1024
NOTE = "stand-in: "
"""How a volume's note says that it is not what its name promises."""
AWAITED = "not downloaded yet"
"""The note of a pinned image until it is there; from then on it has none, for it is what its name promises."""


def seed_file(state: Path, volume: str) -> Path:
    """Where the content of a seed is looked for: ``seeds/STORAGE:import_x.qcow2`` below the lab's folder."""
    return state / "seeds" / volume.replace("/", "_")


def plant_seeds(hypervisor: Hypervisor) -> list[Source]:
    """List every seed of the spec, again on every start, so that new ones are picked up, and put in its place what
    is here; the images that are still needed.

    A volume that was really downloaded or uploaded in the meantime is left alone. Seeds are listed before their
    images are there. Raises LabError.
    """
    lacking: dict[str, Source] = {}
    for seed in hypervisor.spec.seeds:
        source = source_of(hypervisor.spec, seed)
        if _is_ours(hypervisor, seed.volume) and not _plant(hypervisor, seed, source):
            lacking.setdefault(source.key, source)
    return list(lacking.values())


def place_image(hypervisor: Hypervisor, source: Source, image: Path) -> None:
    """Put an image behind every seed that is to be it."""
    for seed in hypervisor.spec.seeds:
        is_wanted = source_of(hypervisor.spec, seed).key == source.key and _is_ours(hypervisor, seed.volume)
        if is_wanted and not seed_file(hypervisor.state, seed.volume).exists():
            target = hypervisor.volumes.path(seed.volume)
            _place(image, target)
            _list(hypervisor, seed.volume, source, target.stat().st_size)


def awaited_key(hypervisor: Hypervisor, volume: str) -> str:
    """The key of the image that the lab puts behind ``volume``; empty where it came over the API."""
    record = hypervisor.catalog.find(volume)
    return _key(record) if record is not None else ""


def _key(record: VolumeRecord) -> str:
    # Labs of before there were pinned images know a stand-in by its note alone.
    return record.seed or (record.note.removeprefix(NOTE) if record.note.startswith(NOTE) else "")


def _is_ours(hypervisor: Hypervisor, volume: str) -> bool:
    record = hypervisor.catalog.find(volume)
    return record is None or bool(_key(record))


def _plant(hypervisor: Hypervisor, seed: SeedSpec, source: Source) -> bool:
    """List one seed; whether its image is there for good."""
    storage = hypervisor.storages.get(split_volume(seed.volume)[0])
    if storage is None:
        raise LabError(
            f"seed {seed.volume} names a storage that the lab has not", hint="add it to the lab's storages"
        )
    parse_name(storage, split_volume(seed.volume)[1])
    target, given = hypervisor.volumes.path(seed.volume), seed_file(hypervisor.state, seed.volume)
    target.parent.mkdir(parents=True, exist_ok=True)
    if awaited_key(hypervisor, seed.volume) != source.key:
        target.unlink(missing_ok=True)  # of another image, if any; disks made from that keep it
    if given.exists():
        _place(given, target)
    elif not target.exists() and isinstance(source, StandIn) and not hypervisor.spec.boot:
        make_stand_in(target, seed.volume)
    _list(hypervisor, seed.volume, source, target.stat().st_size if target.exists() else 0)
    # A pinned image is the same for ever. That of a recipe may have been built anew since.
    is_final = isinstance(source, Pin) or not hypervisor.spec.boot
    return given.exists() or (is_final and target.exists())


def _list(hypervisor: Hypervisor, volume: str, source: Source, size: int) -> None:
    note = f"{NOTE}{source.name}" if isinstance(source, StandIn) else "" if size else AWAITED
    record = hypervisor.catalog.find(volume)
    if record is None:
        hypervisor.catalog.add(volume, size, note=note, seed=source.key)
    elif (record.size, record.note, record.seed) != (size, note, source.key):
        hypervisor.catalog.change(volume, size=size, note=note, seed=source.key)


def _place(source: Path, target: Path) -> None:
    """Import images are only ever read, so a link does; across file systems the bytes are copied."""
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f"{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)  # noqa: PTH105 (atomic by intent, and named so)


def make_stand_in(file: Path, volume: str) -> None:
    """A disk of 1 MiB whose content depends on the volume's name alone, in the format that its extension says.

    Only the first 4 KiB hold anything, so that a thousand imports of it cost next to no space. Raises LabError.
    """
    content = hashlib.shake_256(volume.encode()).digest(4096).ljust(STAND_IN_SIZE, b"\0")
    if file.suffix == ".qcow2":
        write_qcow2(file, content)
    elif file.suffix in (".raw", ".img", ".iso", ".vmdk"):  # whoever imports it looks at its content
        file.write_bytes(content)
    else:
        raise LabError(f"no stand-in can be made for {volume}", hint="seed a .qcow2, .raw, .vmdk or .iso volume")
