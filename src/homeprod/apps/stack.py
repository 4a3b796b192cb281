"""Stack: the compose files of one app, as Harbormaster will hand them to compose."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from homeprod.apps.document import Listing, Scalar, Table, Value, read_document
from homeprod.apps.host import App
from homeprod.apps.interpolation import expand
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.template import render
from homeprod.apps.variables import Variables
from homeprod.core.tree import Tree

DISCOVERED = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Where compose looks, and Harbormaster like it (0.5.0)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file. ``path`` in the app's folder; ``text`` as Harbormaster renders it; included and extended files, which
    compose reads by itself, are never rendered."""

    path: str
    text: str
    document: Table
    is_named: bool


@dataclass(frozen=True, slots=True)
class Stack:
    app: App
    content: Tree
    folder: str
    parts: tuple[Part, ...]
    variables: Variables

    @property
    def services(self) -> Iterator[tuple[str, Table]]:
        """Of every file, whole or in part."""
        return ((name, table) for _, name, table in self.list_tables("services"))

    def read(self, value: Value | None) -> str | None:
        """A text with its variables put in; None for what is none, or cannot be told."""
        return expand(value.text, self.variables) if isinstance(value, Scalar) else None

    def list_tables(self, key: str) -> Iterator[tuple[Part, str, Table]]:
        """The named tables under a key of the top, of every file."""
        for part in self.parts:
            found = part.document.get(key)
            for name, value in found if isinstance(found, Table) else ():
                if isinstance(value, Table):
                    yield part, name, value

    def find_folder(self, part: Part) -> str:
        """What its relative paths are relative to: the first file's folder, or of one that compose reads by itself
        its own (Compose Specification, "Include", "Extends")."""
        return posixpath.dirname((self.parts[0] if part.is_named else part).path)

    @property
    def project(self) -> str | None:
        """Compose's project, by which it knows its containers and volumes; None where a variable decides. Rules from
        outside: the Compose Specification, "name"; docker compose, "Specify a project name"."""
        given = self.variables.get("COMPOSE_PROJECT_NAME")
        if given is not None:
            return given
        for part in reversed([one for one in self.parts if one.is_named]):
            name = part.document.get("name")
            if isinstance(name, Scalar):
                return expand(name.text, self.variables)
        return name_project(self.app)

    @property
    def place(self) -> Place:
        """Where the project gets its name."""
        for part in reversed([one for one in self.parts if one.is_named]):
            if part.document.get("name") is not None:
                return part.document.find("name")
        return Place(f"{self.folder}/{self.parts[0].path}")


def name_project(app: App) -> str:
    """By the folder of its first compose file alone."""
    folder = posixpath.basename(
        posixpath.dirname(posixpath.normpath(app.compose_config[0] if app.compose_config else ""))
    )
    return re.sub(r"[^a-z0-9_-]", "", (folder or app.name).lower()).lstrip("_-")


def read_stack(
    content: Tree, folder: str, app: App, variables: Variables, replacements: dict[str, str] | None, sheet: Sheet
) -> Stack | None:
    """None where there is no compose file that can be read."""
    names = _find_named(content, folder, app, sheet)
    variables = _add_dotenv(content, names, variables)
    reader = _Reader(content, folder, app, variables, replacements, sheet)
    for name in names:
        reader.read(name, is_named=True)
    if not reader.parts:
        return None
    stack = Stack(app, content, folder, tuple(reader.parts.values()), variables)
    if not any(True for _ in stack.services) and len(reader.parts) == len(reader.seen):
        sheet.refuse(Place(f"{folder}/{names[0]}"), f"{app.name} has no services", "a compose file has services")
    return stack


def _find_named(content: Tree, folder: str, app: App, sheet: Sheet) -> tuple[str, ...]:
    if not app.compose_config:
        found = next((name for name in DISCOVERED if content.get(name) is not None), None)
        if found is None:
            hint = f"there is none of {', '.join(DISCOVERED)} in {folder}/; name another with compose_config"
            sheet.refuse(app.place, f"{app.name} has no compose file", hint)
        return (found,) if found else ()
    return app.compose_config


def _add_dotenv(content: Tree, names: tuple[str, ...], variables: Variables) -> Variables:
    """``.env`` beside the first compose file; whatever Harbormaster gives wins over it."""
    file = content.get(posixpath.join(posixpath.dirname(names[0]), ".env")) if names else None
    if file is None or not file.content:
        return variables
    pairs = (line.partition("=") for line in file.content.decode(errors="replace").splitlines())
    found = {name.removeprefix("export ").strip(): value.strip().strip("\"'") for name, sign, value in pairs if sign}
    return replace(variables, loose={**found, **variables.loose})


class _Reader:
    def __init__(
        self,
        content: Tree,
        folder: str,
        app: App,
        variables: Variables,
        replacements: dict[str, str] | None,
        sheet: Sheet,
    ) -> None:
        self._content, self._folder, self._app = content, folder, app
        self._variables, self._replacements, self._sheet = variables, replacements, sheet
        self.parts: dict[str, Part] = {}
        self.seen: set[str] = set()

    def read(self, name: str, *, is_named: bool, at: Place | None = None) -> None:
        """The file, and those that it includes or extends."""
        path = posixpath.normpath(name)
        if path in self.seen:
            return
        self.seen.add(path)
        file = self._content.get(path)
        place = at or self._app.find("compose_config")
        if file is None or not file.is_regular or file.content is None:
            hint = f"paths are relative to {self._folder}/, and may not leave it"
            self._sheet.refuse(place, f"{self._app.name}: there is no compose file {name}", hint)
            return
        where = f"{self._folder}/{path}"
        text = file.content.decode(errors="replace")
        rendered = render(text, self._replacements, where, self._sheet) if is_named else text
        document = read_document(rendered if is_named else file.content, where, self._sheet)
        if isinstance(document, Table):
            self.parts[path] = Part(path, rendered, document, is_named)
            self._follow(document, posixpath.dirname(path))
        elif document is not None:
            self._sheet.refuse(Place(where), "is no compose file: a table with services is expected")

    def _follow(self, document: Table, folder: str) -> None:
        include = document.get("include")
        for item in include.items if isinstance(include, Listing) else ():
            paths = item.get("path") if isinstance(item, Table) else item
            for path in paths.items if isinstance(paths, Listing) else (paths,):
                self._follow_one(path, folder, item.place)
        services = document.get("services")
        for _, service in services if isinstance(services, Table) else ():
            extends = service.get("extends") if isinstance(service, Table) else None
            if isinstance(extends, Table) and (file := extends.get("file")) is not None:
                self._follow_one(file, folder, file.place)

    def _follow_one(self, value: Value | None, folder: str, place: Place) -> None:
        text = expand(value.text, self._variables) if isinstance(value, Scalar) else None
        if text is None or re.match(r"[a-z+]+://|git@|oci:|github\.com/", text):
            hint = "keep what it needs in the app's folder"
            self._sheet.refuse(place, f"{self._app.name} takes a compose file from where nobody here can look", hint)
        else:
            self.read(posixpath.join(folder, text), is_named=False, at=place)
