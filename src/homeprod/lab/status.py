"""How a lab is: read from its folder, so that it is known whether the lab is up, down, or half killed."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.lab.census import LabMachine, list_machines
from homeprod.lab.folder import LabFolder
from homeprod.lab.guest.acceleration import find_acceleration
from homeprod.lab.image.outcome import Builder, ImageState
from homeprod.lab.seeds import seed_file
from homeprod.lab.spec import LabSpec


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

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.lab.name,
            "is_up": self.is_up,
            "url": self.url or None,
            "folder": str(self.lab.path),
            "boots": self.spec.boot,
            "acceleration": self.acceleration,
            "images": [{"recipe": i.recipe, "state": i.kind, "line": i.line, "hint": i.hint} for i in self.images],
            "stand_ins": {seed.volume: seed.stand_in for seed in self.spec.seeds},
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
    """The state of every image that the lab's seeds need; none in a lab that boots nothing."""
    if not spec.boot:
        return ()
    recipes = {seed.stand_in for seed in spec.seeds if not seed_file(lab.path, seed.volume).exists()}
    return tuple(_read_image(lab, spec, recipe) for recipe in sorted(recipes))


def _read_image(lab: LabFolder, spec: LabSpec, recipe: str) -> ImageState:
    state = Builder(lab.path, recipe).read()
    volumes = [seed.volume for seed in spec.seeds if seed.stand_in == recipe]
    # An image that went from the cache after it was put into the lab is still there for the lab.
    if state.kind in ("failed", "absent") and all(_is_planted(lab, volume) for volume in volumes):
        return ImageState(recipe, "built")
    return state


def _is_planted(lab: LabFolder, volume: str) -> bool:
    storage, _, name = volume.partition(":")
    return (lab.path / "volumes" / storage / name).exists()
