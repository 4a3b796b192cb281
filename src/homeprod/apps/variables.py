"""Variables: the files of them that a ``_harbormaster.yml`` names, and what compose sees.

Harbormaster reads them relative to its configuration, so those of this repository are published with it; a path below
``/etc/homeprod/apps/APP/`` is one that Ansible lays down on the host, with what is secret. A plain file is lines of
``NAME=value``: a line without ``=``, a comment too, ends Harbormaster's whole run (0.5.0, _read_var_file). A YAML
file holds texts alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.apps.document import Scalar, Table, read_document
from homeprod.apps.host import App, Host
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.tree import Tree

SECRETS = "/etc/homeprod/apps"
"""On a host: a folder for each app, written by Ansible from the vault repository."""
DATA, CACHE, REPOSITORY = "/HM_DATA_DIR", "/HM_CACHE_DIR", "/HM_REPO_DIR"
"""Stand for the folders that Harbormaster gives an app; where they are is the host's business."""
FOLDERS = {"HM_DATA_DIR": DATA, "HM_CACHE_DIR": CACHE, "HM_REPO_DIR": REPOSITORY}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Variables:
    """``fixed`` are those that nothing on the host changes; ``loose`` those that a file there could."""

    fixed: Mapping[str, str]
    loose: Mapping[str, str]
    has_secrets: bool = False

    def get(self, name: str) -> str | None:
        """None where nobody here can tell."""
        if name in self.fixed:
            return self.fixed[name]
        return None if self.has_secrets else self.loose.get(name)

    def is_unset(self, name: str) -> bool:
        """Whether it has no value for certain."""
        return not self.has_secrets and name not in self.fixed and name not in self.loose


def list_files(host: Host) -> dict[str, App]:
    """The variables' files of this repository, relative to the host's folder, with the app that names each."""
    found: dict[str, App] = {}
    for app in host.apps:
        for name in (app.environment_file, app.replacements_file):
            if name and not name.startswith("/"):
                found[posixpath.normpath(name)] = app
    return found


def read_environment(tree: Tree, host: Host, app: App, sheet: Sheet) -> Variables:
    """As compose will see it: Harbormaster's own folders win, then ``environment``, then the file (App.__init__)."""
    read = _read(tree, host, app, "environment_file", app.environment_file, sheet)
    return Variables({**app.environment, **FOLDERS}, read or {}, has_secrets=read is None)


def read_replacements(tree: Tree, host: Host, app: App, sheet: Sheet) -> dict[str, str] | None:
    """None where a file on the host may hold more."""
    read = _read(tree, host, app, "replacements_file", app.replacements_file, sheet)
    return None if read is None else {**read, **app.replacements}


def _read(tree: Tree, host: Host, app: App, key: str, name: str, sheet: Sheet) -> dict[str, str] | None:
    """None where it lies on the host."""
    if not name:
        return {}
    place = app.find(key)
    if name.startswith("/"):
        own = f"{SECRETS}/{app.name}/"
        if not posixpath.normpath(name).startswith(own):
            hint = f"what Ansible lays down for it lies below {own}"
            sheet.refuse(place, f"{app.name}: {name} is no file of this app", hint)
        return None
    path = posixpath.normpath(name)
    file = tree.get(f"{host.folder}/{path}")
    if path.startswith("../") or file is None or not file.is_regular or file.content is None:
        hint = f"its path is relative to {host.folder}/; secret ones lie at {SECRETS}/{app.name}/ on the host"
        sheet.refuse(place, f"{app.name}: there is no {name}, and Harbormaster's whole run would end at it", hint)
        return {}
    at = Place(f"{host.folder}/{path}")
    is_yaml = path.lower().endswith((".yml", ".yaml"))
    return _read_yaml(file.content, at, sheet) if is_yaml else _read_lines(file.content, at, sheet)


def _read_yaml(content: bytes, place: Place, sheet: Sheet) -> dict[str, str]:
    document = read_document(content, place.file, sheet)
    if document is None:
        return {}
    if not isinstance(document, Table):
        sheet.refuse(
            document.place, "a table of texts is expected; Harbormaster would not start", 'write NAME: "value"'
        )
        return {}
    for name, value in document:
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            hint = f'put it in quotes:\n\n  {name}: "{value.text}"' if isinstance(value, Scalar) else "write a text"
            sheet.refuse(value.place, f"{name} is no text, and Harbormaster's whole run would end at it", hint)
        elif not isinstance(document.keys[name].value, str):
            sheet.refuse(document.find(name), f"the name {name} is no text to YAML", "put it in quotes")
    return {name: value.text for name, value in document if isinstance(value, Scalar)}


def _read_lines(content: bytes, place: Place, sheet: Sheet) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(content.decode(errors="replace").split("\n"), 1):
        if not line:
            continue
        at = Place(place.file, number)
        name, sign, value = line.partition("=")
        if problem := _judge_line(line, name, sign):
            sheet.refuse(at, *problem)
            continue
        if value[:1] in ("'", '"') and value[-1:] == value[:1]:
            sheet.note(at, f"{name}: the quotes are part of the value to Harbormaster", "leave them out unless meant")
        found[name] = value
    return found


def _judge_line(line: str, name: str, sign: str) -> tuple[str, str] | None:
    if line.endswith("\r"):
        return "ends as on Windows, and the sign would be part of the value", "save it with Unix line ends"
    if not sign:
        what = "a comment" if line.lstrip().startswith("#") else "a line without ="
        return f"{what}, and Harbormaster's whole run would end at it", "leave NAME=value lines alone in this file"
    if not _VARIABLE.fullmatch(name):
        return f"{name[:60]!r} is no name of a variable", "write NAME=value, without export, spaces or #"
    return None
