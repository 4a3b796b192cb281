"""The real docker and its compose, told what Harbormaster would tell them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .configuration import App
from .process import Done, run
from .settings import Settings

SECONDS = 60.0
"""For what fetches nothing and starts nothing."""
DISCOVERED = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Where an app names no compose file, in this order. Source: docker-harbormaster 0.5.0, and compose itself."""


@dataclass(frozen=True)
class Docker:
    settings: Settings

    def call(self, *arguments: str, seconds: float = SECONDS) -> Done:
        return run(("docker", *arguments), seconds, env=self.make_environment())

    def compose(self, app: App, folder: Path, *arguments: str, seconds: float = SECONDS, project: str = "") -> Done:
        """In the folder of the app's files, laid out and filled in."""
        files = [word for name in find_compose_files(app, folder) for word in ("-f", name)]
        named = ("-p", project) if project else ()
        env = {**self.make_environment(), **self.make_variables(app)}
        return run(("docker", "compose", *files, *named, *arguments), seconds, env=env, cwd=folder)

    def make_variables(self, app: App) -> dict[str, str]:
        """What Harbormaster gives to compose."""
        return {**app.environment, **{f"HM_{name}": value for name, value in self.make_places(app).items()}}

    def make_places(self, app: App) -> dict[str, str]:
        work = self.settings.work
        places = {"DATA_DIR": "data", "CACHE_DIR": "caches", "REPO_DIR": "repos"}
        return {name: str(work / folder / app.name) for name, folder in places.items()}

    def make_environment(self) -> dict[str, str]:
        """What of the machine's own reaches docker: where it is, and the logins to registries."""
        kept = {name: os.environ[name] for name in ("DOCKER_HOST", "HTTPS_PROXY", "NO_PROXY") if name in os.environ}
        path = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        plain = {"PATH": path, "HOME": str(self.settings.folder), "LC_ALL": "C.UTF-8", "COMPOSE_ANSI": "never"}
        # What builds writes down when it last did, beside docker's settings unless told otherwise.
        own = {"DOCKER_CONFIG": self.settings.docker_config, "BUILDX_CONFIG": str(self.settings.folder / "buildx")}
        return {**plain, **own, **kept}


def find_compose_files(app: App, folder: Path) -> Mapping[str, None]:
    """In the order in which they count; empty where there is none."""
    if app.compose_files:
        return dict.fromkeys(app.compose_files)
    return dict.fromkeys([name for name in DISCOVERED if (folder / name).is_file()][:1])
