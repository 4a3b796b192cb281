"""How a lab is: read from its folder, so that it is known whether the lab is up, down, or half killed."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.lab.census import LabMachine, list_machines
from homeprod.lab.folder import LabFolder
from homeprod.lab.guest.acceleration import find_acceleration
from homeprod.lab.image.outcome import Builder, ImageState
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import Source, StandIn, list_sources
from homeprod.lab.seeds import seed_file
from homeprod.lab.spec import STAND_IN, LabSpec


@dataclass(frozen=True, slots=True)
class LabStatus:
    """``url`` is empty for a lab that is not up. ``acceleration`` says how its machines run, and why so."""

    lab: LabFolder
    spec: LabSpec
    url: str
    acceleration: str
    images: tuple[ImageState, ...]
    machines: tuple[LabMachine, ...]

    @property
    def is_up(self) -> bool:
        return bool(self.url)

    @property
    def sources(self) -> dict[Source, list[str]]:
        """Every image that the lab wants, with the volumes that it stands behind."""
        return list_sources(self.spec)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.lab.name,
            "is_up": self.is_up,
            "url": self.url or None,
            "folder": str(self.lab.path),
            "boots": self.spec.boot,
            "acceleration": self.acceleration,
            "outside": {"gateways": list(self.spec.wan.gateways), "clients": list(self.spec.wan.clients)},
            "images_from": self.spec.images,
            "images": [_show_image(self.spec, image) for image in self.images],
            "stand_ins": {v: s.name for s, vs in self.sources.items() if isinstance(s, StandIn) for v in vs},
            "machines": [
                {
                    "vmid": m.vmid,
                    "name": m.name,
                    "node": m.node,
                    "running": m.is_running,
                    "pid": m.pid or None,
                    "memory": m.memory,
                }
                for m in self.machines
            ],
        }


def read_status(lab: LabFolder) -> LabStatus:
    """Raises LabError where the lab's description cannot be read."""
    spec = lab.read_spec()
    return LabStatus(
        lab=lab,
        spec=spec,
        url=lab.read_url(),
        acceleration=find_acceleration().reason if spec.boot else "boots nothing (--no-boot)",
        images=read_images(lab, spec),
        machines=tuple(list_machines(lab, spec)),
    )


def read_images(lab: LabFolder, spec: LabSpec) -> tuple[ImageState, ...]:
    """The state of every image that the lab's seeds need. One that boots nothing makes its stand-ins on the spot, and
    needs only what is pinned."""
    if not spec.boot and spec.images == STAND_IN:
        return ()
    states = [
        _read_image(lab, source, volumes)
        for source, volumes in list_sources(spec).items()
        if not all(seed_file(lab.path, volume).exists() for volume in volumes)
    ]
    return tuple(sorted(states, key=lambda state: state.name))


def _read_image(lab: LabFolder, source: Source, volumes: list[str]) -> ImageState:
    state = Builder(lab.path, source).read()
    # An image that went from the cache after it was put into the lab is still there for the lab.
    if state.kind in ("failed", "absent") and all(_is_planted(lab, volume) for volume in volumes):
        return ImageState(source, "built")
    return state


def _show_image(spec: LabSpec, image: ImageState) -> dict[str, object]:
    source = image.source
    return {
        "name": source.name,
        "recipe": source.name if isinstance(source, StandIn) else None,
        "url": source.shown_url if isinstance(source, Pin) else None,
        "volumes": list_sources(spec)[source],
        "state": image.kind,
        "line": image.line,
        "hint": image.hint,
    }


def _is_planted(lab: LabFolder, volume: str) -> bool:
    storage, _, name = volume.partition(":")
    return (lab.path / "volumes" / storage / name).exists()
