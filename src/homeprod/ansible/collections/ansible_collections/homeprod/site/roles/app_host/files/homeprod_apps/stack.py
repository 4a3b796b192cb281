"""An app's new revision, tried beside the one that serves: laid out, understood by compose, its images brought."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .configuration import App
from .docker import DISCOVERED, Docker, find_compose_files
from .mirror import Mirror
from .problem import Problem
from .process import Done
from .redaction import Redaction
from .template import fill


@dataclass(frozen=True)
class Stack:
    """``project`` is compose's name for it; ``services`` those that are to run, True where one ends by itself."""

    project: str
    services: dict[str, bool]


def try_out(app: App, mirror: Mirror, commit: str, docker: Docker, redaction: Redaction) -> Stack:
    """Nothing that serves is touched. Raises Problem with what keeps the revision from being run."""
    folder = docker.settings.folder / "candidates" / app.name
    mirror.lay_out(commit, folder)
    _fill_in(app, folder, docker)
    done = docker.compose(app, folder, "config", "--format", "json")
    _check(done, "compose does not take it", redaction)
    model = json.loads(done.output)
    stack = Stack(str(model.get("name") or app.name), dict(_list_services(model)))
    if not stack.services:
        raise Problem("it has no service that is to run", "see its profiles, and what compose makes of it")
    _bring_images(app, model, folder, docker, redaction)
    return stack


def _fill_in(app: App, folder: Path, docker: Docker) -> None:
    names = find_compose_files(app, folder)
    if not names:
        raise Problem(f"it has no compose file: none of {', '.join(DISCOVERED)}", "or name it: compose_config")
    values = {**docker.make_places(app), **app.replacements}
    for name in names:
        file = folder / name
        if not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
            raise Problem(f"there is no compose file {name} in it", "see compose_config")
        try:
            file.write_text(fill(file.read_text(encoding="utf-8"), values, name), encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Problem(f"{name} is no text") from error


def _list_services(model: dict[str, Any]) -> list[tuple[str, bool]]:
    services: dict[str, dict[str, Any]] = model.get("services") or {}
    awaited = {
        name
        for service in services.values()
        for name, one in (service.get("depends_on") or {}).items()
        if one.get("condition") == "service_completed_successfully"
    }
    return [(name, name in awaited or _ends(one)) for name, one in services.items() if _count(one) > 0]


def _ends(service: dict[str, Any]) -> bool:
    """Said by ``restart: "no"`` or ``on-failure``; nothing said is no such word."""
    return str(service.get("restart", "always")).partition(":")[0] in ("no", "on-failure")


def _count(service: dict[str, Any]) -> int:
    return int((service.get("deploy") or {}).get("replicas", service.get("scale", 1)) or 0)


def _bring_images(app: App, model: dict[str, Any], folder: Path, docker: Docker, redaction: Redaction) -> None:
    """Pulled, and built under another name: an image that runs now keeps the name that it has."""
    builds = {name: one["build"] for name, one in model["services"].items() if one.get("build")}
    for name, build in builds.items():
        if not Path(str(build.get("context", "."))).is_absolute():
            hint = "have what it is built from in the app's own files"
            raise Problem(f"{name} is built from {build['context']}, which nobody verifies", hint)
    seconds = docker.settings.pull_seconds
    done = docker.compose(app, folder, "pull", "--ignore-buildable", "--quiet", seconds=seconds)
    if done.code and _list_missing(model, docker):
        _check(done, "an image cannot be had", redaction)
    if builds:
        done = docker.compose(app, folder, "build", "--quiet", seconds=seconds, project=f"homeprod-try-{app.name}")
        _check(done, "it cannot be built", redaction)


def _list_missing(model: dict[str, Any], docker: Docker) -> list[str]:
    """A registry that is down keeps nothing back whose images are all here."""
    images = {str(one["image"]) for one in model["services"].values() if one.get("image") and not one.get("build")}
    return sorted(image for image in images if docker.call("image", "inspect", "--format", "{{.Id}}", image).code)


def _check(done: Done, meaning: str, redaction: Redaction) -> None:
    if done.code:
        lines = [line.strip() for line in done.said.splitlines() if line.strip() and "level=warning" not in line]
        said = redaction.hide(lines[-1][:300] if lines else "docker says nothing")
        raise Problem(f"{meaning}: {said}", "put it right, and publish again")
