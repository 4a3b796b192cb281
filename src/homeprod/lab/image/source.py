"""What stands behind a seed: a stand-in that the lab builds, or the image that the site pins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.cache import ensure_download, ensure_image, find_download, find_image
from homeprod.lab.image.command import Progress
from homeprod.lab.image.pin import Pin
from homeprod.lab.spec import PINNED, LabSpec, SeedSpec


@dataclass(frozen=True, slots=True)
class StandIn:
    """An image built by the recipe ``name``."""

    name: str

    @property
    def key(self) -> str:
        return self.name


Source = StandIn | Pin
"""Both have a ``name`` for people, and a ``key`` that names files about them."""


def source_of(spec: LabSpec, seed: SeedSpec) -> Source:
    """What the lab wants behind this seed. Raises LabError for a pin that cannot be downloaded."""
    if spec.images != PINNED:
        return StandIn(seed.stand_in)
    if not seed.url:
        raise LabError(
            f"the lab does not know where {seed.volume} comes from",
            hint=f"bring it up where its site is in reach, or with stand-ins:\n\n{use_stand_ins(spec.name)}",
        )
    return Pin(seed.url, seed.checksum, seed.algorithm)


def list_sources(spec: LabSpec) -> dict[Source, list[str]]:
    """Every image that the lab wants, and the volumes that it stands behind. Two pins of one content are one image.
    Raises LabError."""
    found: dict[str, Source] = {}
    volumes: dict[Source, list[str]] = {}
    for seed in spec.seeds:
        source = source_of(spec, seed)
        volumes.setdefault(found.setdefault(source.key, source), []).append(seed.volume)
    return volumes


def use_stand_ins(name: str) -> str:
    return f"  homeprod lab up {name} --images stand-in"


def find_source(source: Source) -> Path | None:
    """The image, if it is cached. Raises LabError for an unknown recipe."""
    return find_download(source) if isinstance(source, Pin) else find_image(source.name)


def ensure_source(source: Source, on_progress: Progress) -> Path:
    """The image, built or downloaded where it is not cached. Raises LabError."""
    if isinstance(source, Pin):
        return ensure_download(source, on_progress)
    return ensure_image(source.name, on_progress)
