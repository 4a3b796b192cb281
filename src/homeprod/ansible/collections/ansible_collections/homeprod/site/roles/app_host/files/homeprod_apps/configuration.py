"""What a machine runs: its ``_harbormaster.yml``, with what Harbormaster would swallow refused.

`homeprod apps lint` says the same and more before anything is published; here nothing gets by.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from .problem import Problem
from .variables import read_variables

FILE = "_harbormaster.yml"
_KINDS: dict[str, tuple[type, ...]] = {
    "url": (str,), "branch": (str,), "enabled": (bool,), "compose_config": (str, list), "environment": (dict,),
    "environment_file": (str,), "replacements": (dict,), "replacements_file": (str,), "manage_volumes": (bool,),
}  # fmt: skip
"""Every key that Harbormaster 0.5.0 knows of an app; it ignores any other without a word."""
_FILES = ("environment_file", "replacements_file")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HINT = "put it right, and publish again\n    homeprod apps lint"
Read = Callable[[str], "bytes | None"]


@dataclass(frozen=True)
class App:
    """``entry`` is what the file says; ``files`` those of variables that it names, by their names there."""

    name: str
    entry: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.entry["url"])

    @property
    def branch(self) -> str:
        return str(self.entry["branch"])

    @property
    def is_enabled(self) -> bool:
        return bool(self.entry.get("enabled", True))

    @property
    def digest(self) -> str:
        """Of all that the configuration says of it."""
        said = json.dumps([self.entry, self.files], sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def environment(self) -> dict[str, str]:
        """What Harbormaster gives to compose, but its own."""
        return self._merge("environment")

    @property
    def replacements(self) -> dict[str, str]:
        return self._merge("replacements")

    @property
    def compose_files(self) -> tuple[str, ...]:
        """Empty where Harbormaster looks for one by itself."""
        given = self.entry.get("compose_config")
        return (given,) if isinstance(given, str) else tuple(given or ())

    def _merge(self, key: str) -> dict[str, str]:
        name = self.entry.get(f"{key}_file")
        found = read_variables(self.files[name], name) if name else {}
        return {**found, **{str(one): str(value) for one, value in (self.entry.get(key) or {}).items()}}


@dataclass(frozen=True)
class Configuration:
    apps: dict[str, App]
    prune: bool = False


def parse_configuration(read: Read) -> Configuration:
    """``read`` gives a file of the branch, None where there is none. Raises Problem."""
    given = _load(read)
    _check_keys(given, ("config", "apps"), FILE)
    config = given.get("config") or {}
    if not isinstance(config, dict):
        raise Problem(f"{FILE}: config is no table", _HINT)
    _check_keys(config, ("prune",), f"{FILE}: config")
    apps = given.get("apps")
    if not isinstance(apps, dict) or not apps:
        hint = "keep what is to stop in the file, with\n    enabled: false"
        raise Problem(f"{FILE} has no apps: Harbormaster would end well, and stop nothing", hint)
    return Configuration(
        {str(name): _parse_app(name, entry, read) for name, entry in apps.items()}, bool(config.get("prune"))
    )


def parse_states(read: Read) -> dict[str, bool]:
    """Of each app whether it was to run; nothing of what is not understood. For looking back."""
    try:
        return {name: app.is_enabled for name, app in parse_configuration(read).apps.items()}
    except Problem:
        return {}


def _load(read: Read) -> dict[str, Any]:
    text = read(FILE)
    if text is None:
        raise Problem(f"there is no {FILE} on the branch", _HINT)
    try:
        given = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Problem(f"{FILE} is no YAML: {' '.join(str(error).split())[:200]}", _HINT) from error
    if not isinstance(given, dict):
        raise Problem(f"{FILE} holds no apps: Harbormaster would end well, and stop nothing", _HINT)
    return given


def _check_keys(given: dict[Any, Any], known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            raise Problem(f"{where}: Harbormaster knows no {str(key)!r}, and would ignore it silently", _HINT)


def _parse_app(name: object, entry: object, read: Read) -> App:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Problem(f"{FILE}: {str(name)[:80]!r} is no name for an app", "use lower-case letters, digits, - and _")
    if not isinstance(entry, dict):
        raise Problem(f"{FILE}: {name} says nothing", "it needs url and branch at least")
    _check_keys(entry, tuple(_KINDS), f"{FILE}: {name}")
    entry = {key: value for key, value in entry.items() if value is not None}
    for key, value in entry.items():
        if not isinstance(value, _KINDS[key]):
            raise Problem(f"{FILE}: {name}: {key} is a {type(value).__name__}", _HINT)
    for key, otherwise in (("url", "its whole run would end"), ("branch", "it would take master")):
        if not entry.get(key):
            raise Problem(f"{FILE}: {name} has no {key}: with Harbormaster {otherwise}", _HINT)
    _check_places(name, entry)
    app = App(name, entry, {entry[key]: _read_text(name, entry[key], read) for key in _FILES if entry.get(key)})
    _check_values(app)
    return app


def _check_places(name: str, entry: dict[str, Any]) -> None:
    if re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//|^[-/]|^refs/|/$|\.lock$|\.$", entry["branch"]):
        raise Problem(f"{FILE}: {name}: {entry['branch']!r} is no name of a branch", _HINT)
    if entry["url"].startswith("-") or "::" in entry["url"]:
        raise Problem(f"{FILE}: {name}: git would start a program by its url", _HINT)
    given = entry.get("compose_config") or []
    for place in [entry.get(key) for key in _FILES] + ([given] if isinstance(given, str) else given):
        path = PurePosixPath(place) if isinstance(place, str) else PurePosixPath("..") if place else PurePosixPath()
        if path.is_absolute() or ".." in path.parts:
            raise Problem(f"{FILE}: {name}: {place!r} is no file of the branch", _HINT)


def _read_text(app: str, place: str, read: Read) -> str:
    data = read(place)
    if data is None:
        raise Problem(f"{FILE}: {app} names {place}, and there is none: Harbormaster's whole run would end", _HINT)
    return data.decode("utf-8", "replace")


def _check_values(app: App) -> None:
    """Harbormaster makes texts of them as Python does, and puts replacements in by re.sub."""
    for key in ("environment", "replacements"):
        for one, value in (app.entry.get(key) or {}).items():
            if value is None or isinstance(value, (bool, list, dict)):
                raise Problem(
                    f"{FILE}: {app.name}: {key}: {one} is no text; it would arrive as {str(value)[:40]!r}", _HINT
                )
    _ = app.environment
    for one, text in app.replacements.items():
        if "\\" in text:
            raise Problem(
                f"{FILE}: {app.name}: {one} holds a backslash, which Harbormaster does not take as it is", _HINT
            )
