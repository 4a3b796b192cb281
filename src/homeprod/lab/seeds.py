"""Seeds: images that the lab offers under the site's own volume names without downloading them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.spec import SeedSpec
from homeprod.lab.storage.names import parse_name, split_volume
from homeprod.lab.storage.qcow2 import write_qcow2

STAND_IN_SIZE = 1024 * 1024
NOTE = "stand-in: "
"""How a volume's note says that it is not what its name promises."""


def seed_file(state: Path, volume: str) -> Path:
    """Where the content of a seed is looked for: ``seeds/STORAGE:import_x.qcow2`` below the lab's folder."""
    return state / "seeds" / volume.replace("/", "_")


def plant_seeds(hypervisor: Hypervisor) -> set[str]:
    """Put every seed of the spec in its place, again on every start, so that new ones are picked up; the recipes
    whose images are still needed.

    A volume that was really downloaded or uploaded in the meantime is left alone. A lab that boots lists its seeds
    before their images are there. Raises LabError.
    """
    ours = [seed for seed in hypervisor.spec.seeds if _is_ours(hypervisor, seed)]
    lacking = {seed.stand_in for seed in ours if not _plant(hypervisor, seed)}
    return lacking if hypervisor.spec.boot else set()


def place_image(hypervisor: Hypervisor, recipe: str, image: Path) -> None:
    """Put the image of a recipe behind every seed that it stands in for."""
    for seed in hypervisor.spec.seeds:
        given = seed_file(hypervisor.state, seed.volume)
        if seed.stand_in == recipe and _is_ours(hypervisor, seed) and not given.exists():
            target = hypervisor.volumes.path(seed.volume)
            _place(image, target)
            _list(hypervisor, seed, target.stat().st_size)


def recipe_of(hypervisor: Hypervisor, volume: str) -> str | None:
    """The recipe whose image stands behind ``volume``; None where the volume is what its name says."""
    record = hypervisor.catalog.find(volume)
    note = record.note if record is not None else ""
    return note.removeprefix(NOTE) if note.startswith(NOTE) else None


def _is_ours(hypervisor: Hypervisor, seed: SeedSpec) -> bool:
    record = hypervisor.catalog.find(seed.volume)
    return record is None or record.note.startswith(NOTE)


def _plant(hypervisor: Hypervisor, seed: SeedSpec) -> bool:
    """List one seed; whether the lab was given its content."""
    storage = hypervisor.storages.get(split_volume(seed.volume)[0])
    if storage is None:
        raise LabError(
            f"seed {seed.volume} names a storage that the lab has not", hint="add it to the lab's storages"
        )
    parse_name(storage, split_volume(seed.volume)[1])
    target, source = hypervisor.volumes.path(seed.volume), seed_file(hypervisor.state, seed.volume)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        _place(source, target)
    elif not hypervisor.spec.boot and not target.exists():
        make_stand_in(target, seed.volume)
    _list(hypervisor, seed, target.stat().st_size if target.exists() else 0)
    return source.exists()


def _list(hypervisor: Hypervisor, seed: SeedSpec, size: int) -> None:
    note = f"{NOTE}{seed.stand_in}"
    record = hypervisor.catalog.find(seed.volume)
    if record is None:
        hypervisor.catalog.add(seed.volume, size, note=note)
    elif (record.size, record.note) != (size, note):
        hypervisor.catalog.change(seed.volume, size=size, note=note)


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
    elif file.suffix in (".raw", ".img", ".iso"):
        file.write_bytes(content)
    else:
        raise LabError(f"no stand-in can be made for {volume}", hint="seed a .qcow2, .raw or .iso volume")
