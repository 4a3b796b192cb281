"""Compose's projects: two apps of a host with one project's name would take each other's containers down.

Compose names a project after the folder of the first compose file, and Harbormaster gives it no other (0.5.0): it is
`docker` for every app with its compose file in a folder of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeprod.apps.host import App
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import Stack, name_project


@dataclass(frozen=True, slots=True)
class _Project:
    app: App
    name: str
    place: Place
    is_known: bool


def check_projects(apps: Iterable[App], stacks: Mapping[str, Stack], sheet: Sheet) -> None:
    """Of one host. Of an app from elsewhere the compose file is not at hand: by its folder alone."""
    seen: dict[str, _Project] = {}
    for app in apps:
        project = _find(app, stacks.get(app.name), sheet)
        if project is None or not app.is_enabled:
            continue
        other = seen.setdefault(project.name, project)
        if other is not project:
            _tell(project, other, sheet)


def _find(app: App, stack: Stack | None, sheet: Sheet) -> _Project | None:
    if stack is None:
        return None if app.is_own else _Project(app, name_project(app), app.find("compose_config"), is_known=False)
    name = stack.project
    if name is None or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        hint = f"write at the top of it:\n\n  name: {app.name}"
        sheet.refuse(
            stack.place, f"{app.name}: compose needs a project's name that is plain and always the same", hint
        )
        return None
    return _Project(app, name, stack.place, is_known=True)


def _tell(project: _Project, other: _Project, sheet: Sheet) -> None:
    message = (
        f"{project.app.name} and {other.app.name} are one project to compose, {project.name}:"
        " each would take the other's containers down"
    )
    hint = f"write at the top of its compose file:\n\n  name: {project.app.name}"
    if project.is_known and other.is_known:
        sheet.refuse(project.place, message, hint)
    else:
        sheet.note(project.place, f"unless a name: in the compose file says otherwise, {message}", hint)
