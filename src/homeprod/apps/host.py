"""Host, App: what a ``_harbormaster.yml`` says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeprod.apps.branch import PREFIX
from homeprod.apps.sheet import Place

HOSTS = "hosts"
SHARED = "apps"
FILE = "_harbormaster.yml"
ALLOWANCES = "allowances.yml"
MOVES = "moves.yml"


@dataclass(frozen=True, slots=True)
class App:
    """``compose_config`` is empty where Harbormaster looks for the file itself. ``places`` are those of its keys."""

    name: str
    place: Place
    url: str = ""
    branch: str = ""
    is_enabled: bool = True
    compose_config: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_file: str = ""
    replacements: Mapping[str, str] = field(default_factory=dict)
    replacements_file: str = ""
    manages_volumes: bool = False
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether it comes from this repository, by a branch that is published from it."""
        return self.branch.startswith(f"{PREFIX}/")

    def find(self, key: str) -> Place:
        return self.places.get(key, self.place)


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    apps: tuple[App, ...]
    place: Place

    @property
    def folder(self) -> str:
        return f"{HOSTS}/{self.name}"

    def get(self, name: str) -> App | None:
        return next((app for app in self.apps if app.name == name), None)
