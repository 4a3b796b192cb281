"""Reads a ``_harbormaster.yml``: what Harbormaster 0.5.0 takes, and what it would swallow and should not.

Rules from outside: cli.py of docker-harbormaster 0.5.0 (Configuration.from_yaml, App.__init__), which ignores every
key that it does not know.
"""

from __future__ import annotations

import re

from homeprod.apps.branch import name_branch
from homeprod.apps.document import Listing, Scalar, Table, Value, read_document
from homeprod.apps.fields import read_flag, read_names, read_pairs, read_text
from homeprod.apps.host import FILE, HOSTS, App, Host
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.likeness import suggest

_TOP = ("config", "apps")
_CONFIG = ("prune",)
_APP = (
    "url",
    "branch",
    "enabled",
    "compose_config",
    "environment",
    "environment_file",
    "replacements",
    "replacements_file",
    "manage_volumes",
)
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Of an app: a folder, a part of a branch, and what compose makes a project of without changing it."""


def read_configuration(text: bytes, host: str, sheet: Sheet) -> Host | None:
    """None where nothing of it can be understood."""
    place = Place(f"{HOSTS}/{host}/{FILE}")
    document = read_document(text, place.file, sheet)
    if document is None:
        return None
    if not isinstance(document, Table):
        hint = "it begins with `apps:`; docs/how-to/apps.md shows one"
        sheet.refuse(document.place, "holds no apps: Harbormaster would end well and stop nothing", hint)
        return None
    _check_keys(document, _TOP, "", sheet)
    _read_config(document, host, sheet)
    return Host(host, _read_apps(document, host, sheet), place)


def _read_config(document: Table, host: str, sheet: Sheet) -> None:
    if "config" not in document.entries:
        return
    config = document.entries["config"]
    if not isinstance(config, Table):
        sheet.refuse(document.find("config"), "config: a table is expected", "leave the key out, or: prune: false")
        return
    _check_keys(config, _CONFIG, "config: ", sheet)
    if "prune" in config.entries and read_flag(config.entries["prune"], "prune", sheet, otherwise=False):
        hint = "leave it out where something else on that machine uses docker"
        sheet.note(config.find("prune"), f"prune deletes every image on {host} that no app there uses", hint)


def _read_apps(document: Table, host: str, sheet: Sheet) -> tuple[App, ...]:
    apps, place = document.get("apps"), document.find("apps")
    if isinstance(apps, Scalar) or (isinstance(apps, Listing) and apps.items):
        sheet.refuse(place, "apps: a table is expected", "by app: its url and branch at least")
        return ()
    if not isinstance(apps, Table) or not apps.entries:
        hint = "what is to stop stays in the file, and says so:\n\n  apps:\n    APP:\n      …\n      enabled: false"
        sheet.refuse(place, "apps is empty: Harbormaster would end well and stop nothing", hint)
        return ()
    read = (_read_app(name, value, apps.find(name), host, sheet) for name, value in apps)
    return tuple(app for app in read if app is not None)


def _read_app(name: str, value: Value, place: Place, host: str, sheet: Sheet) -> App | None:
    if not NAME.fullmatch(name):
        hint = "lower-case letters, digits, - and _, a letter or digit first, 63 at most"
        sheet.refuse(place, f"{name[:80]!r} is no name for an app: it becomes a folder and a branch", hint)
        return None
    if not isinstance(value, Table):
        sheet.refuse(place, f"{name} says nothing", "it needs url and branch at least")
        return App(name, place)
    _check_keys(value, _APP, f"{name}: ", sheet)
    given = {key: one for key, one in value if key in _APP}
    app = App(
        name,
        place,
        url=_read_url(name, given.get("url"), place, sheet),
        branch=_read_branch(name, given.get("branch"), place, host, sheet),
        is_enabled="enabled" not in given or read_flag(given["enabled"], "enabled", sheet, otherwise=True),
        compose_config=read_names(given["compose_config"], "compose_config", sheet)
        if "compose_config" in given
        else (),
        environment=read_pairs(given["environment"], "environment", sheet) if "environment" in given else {},
        environment_file=_read_file("environment_file", given, sheet),
        replacements=read_pairs(given["replacements"], "replacements", sheet) if "replacements" in given else {},
        replacements_file=_read_file("replacements_file", given, sheet),
        manages_volumes="manage_volumes" in given
        and read_flag(given["manage_volumes"], "manage_volumes", sheet, otherwise=False),
        places={key: value.find(key) for key in given},
    )
    _check_replacements(app, sheet)
    return app


def _read_file(key: str, given: dict[str, Value], sheet: Sheet) -> str:
    value = given.get(key)
    if value is None or (isinstance(value, Scalar) and value.value is None):
        return ""
    return read_text(value, key, sheet)


def _read_url(name: str, value: Value | None, place: Place, sheet: Sheet) -> str:
    if value is None:
        sheet.refuse(
            place, f"{name} has no url: Harbormaster's whole run would end at it", "write where git finds it"
        )
        return ""
    url = read_text(value, "url", sheet)
    if url.startswith("-") or "::" in url:
        hint = "https://…, ssh://… or git@…:…"
        sheet.refuse(value.place, f"{name}: git would start a program by this url, or take it for an option", hint)
    elif re.match(r"(?:http|git|ftp)://", url):
        hint = "use https or ssh"
        sheet.note(value.place, f"{name}: nothing keeps {url.partition(':')[0]} from being read on the way", hint)
    return url


def _read_branch(name: str, value: Value | None, place: Place, host: str, sheet: Sheet) -> str:
    if value is None or (isinstance(value, Scalar) and value.value is None):
        hint = f"write, for an app of this repository:\n\n  branch: {name_branch(host, name)}"
        sheet.refuse(place, f"{name} has no branch: Harbormaster would take master", hint)
        return ""
    branch = read_text(value, "branch", sheet)
    if branch and (
        branch.startswith(("refs/", "-")) or re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//|/$|\.lock$|\.$", branch)
    ):
        sheet.refuse(value.place, f"{name}: {branch!r} is no name of a branch", "write the branch's name alone")
        return ""
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", branch):
        hint = "name a branch; it may stay where it is"
        sheet.refuse(
            value.place, f"{name}: {branch[:12]}… is a commit, and Harbormaster follows branches alone", hint
        )
    return branch


def _check_replacements(app: App, sheet: Sheet) -> None:
    """They are put in as the second argument of re.sub."""
    for name, text in app.replacements.items():
        if "\\" in text:
            place = app.find("replacements")
            hint = "use a value without one"
            sheet.refuse(
                place, f"{app.name}: {name} holds a backslash, which Harbormaster does not take as it is", hint
            )


def _check_keys(table: Table, known: tuple[str, ...], prefix: str, sheet: Sheet) -> None:
    for key, scalar in table.keys.items():
        if key not in known:
            hint = suggest(key, known) or f"there are: {', '.join(known)}"
            sheet.refuse(scalar.place, f"{prefix}Harbormaster knows no {key!r}, and would ignore it silently", hint)
