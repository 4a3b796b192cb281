"""What has changed since a host's apps were last published, as far as data or running containers would be lost.

Rules from outside: docker-harbormaster 0.5.0 stops nothing where no app is left (run), and archives the data and
deletes the cache of every app that is not in its configuration (archive_stale_data).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from homeprod.apps.host import MOVES, App, Host
from homeprod.apps.moves import Move
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import Stack

_ALIKE = 0.6
"""From here on two compose files are taken for one that was edited."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A host's apps, as they are written now or as they were last published, with what compose is told of each."""

    host: Host
    stacks: Mapping[str, Stack]


def check_departures(now: Standing, before: Standing, moves: Mapping[str, Move], sheet: Sheet) -> None:
    for app in before.host.apps:
        if now.host.get(app.name) is None:
            _check_gone(app, now, sheet)
    new = [app for app in now.host.apps if before.host.get(app.name) is None and app.is_enabled]
    for app in new:
        _check_new(app, now, before, moves, sheet)
    for app in now.host.apps:
        _check_changed(app, now, before, moves, sheet)
    for name, move in moves.items():
        old, published = now.host.get(name), before.host.get(name)
        if old is not None and published is not None and move.source != name and published.is_enabled:
            sheet.note(move.place, f"{name} is published: what became of its data is settled", "take the lines away")


def check_alone(now: Standing, before: Standing, moves: Mapping[str, Move], names: set[str], sheet: Sheet) -> None:
    """Apps whose files are published without the host's configuration: they must suit the one that is there."""
    for name in sorted(names):
        app, old = now.host.get(name), before.host.get(name)
        if app is None:
            continue
        if old is None or _strip(app) != _strip(old):
            message = f"{name} is configured otherwise than {now.host.name} has it published"
            sheet.refuse(
                app.place, message, f"publish the whole host:\n\n  homeprod apps publish --only {now.host.name}"
            )
        else:
            _check_changed(app, now, before, moves, sheet)


def _strip(app: App) -> App:
    """What it says, wherever it stands."""
    return replace(app, place=Place(""), places={})


def check_absence(before: Host, sheet: Sheet) -> None:
    """A host whose file is no more: nothing would be published of it, and its machine would run on as it is."""
    running = [app.name for app in before.apps if app.is_enabled]
    if running:
        hint = "keep the file, with each app's `enabled: false`, until that is published"
        sheet.refuse(before.place, f"is gone, and {before.name} would run on with {', '.join(running)}", hint)


def _check_gone(app: App, now: Standing, sheet: Sheet) -> None:
    if app.is_enabled:
        hint = (
            "keep it until that is published, so that it stops in order:\n\n"
            f"  {app.name}:\n    url: {app.url}\n    branch: {app.branch}\n    enabled: false"
        )
        sheet.refuse(now.host.place, f"{app.name} has left, and was published last as one that runs", hint)
    else:
        message = f"{app.name} leaves: {now.host.name} archives its data, and deletes its cache"
        sheet.note(now.host.place, message, "keep it with `enabled: false` where its data should stay in place")


def _check_new(app: App, now: Standing, before: Standing, moves: Mapping[str, Move], sheet: Sheet) -> None:
    """One that is like another which has stopped is a rename, and a renamed app starts empty."""
    move = moves.get(app.name)
    stopped = [old for old in before.host.apps if not _runs(now.host.get(old.name)) and old.name != app.name]
    if move is not None:
        _check_move(app, move, now, before, sheet)
        return
    like = next((old for old in stopped if _is_alike(app, old, now, before)), None)
    if like is None:
        return
    hint = _advise(app.name, like, now.host)
    sheet.refuse(app.place, f"{app.name} looks like {like.name} under another name, and would start empty", hint)


def _check_move(app: App, move: Move, now: Standing, before: Standing, sheet: Sheet) -> None:
    old, published = now.host.get(move.source), before.host.get(move.source)
    if old is None or old.is_enabled or published is None:
        message = f"{app.name}: {move.source} must stay, with `enabled: false`, or its data is archived meanwhile"
        sheet.refuse(move.place, message, f"take {move.source} out once {app.name} runs with the data")
    elif published.is_enabled:
        message = f"{app.name}: {move.source} was published last as one that runs; it has to stop first"
        hint = f"publish it with `enabled: false`, move its data, and only then add {app.name}"
        sheet.refuse(move.place, message, hint)


def _check_changed(app: App, now: Standing, before: Standing, moves: Mapping[str, Move], sheet: Sheet) -> None:
    old = before.host.get(app.name)
    if old is None or not old.is_enabled or not app.is_enabled or app.name in moves:
        return
    is_said = f"\n\n  {app.name}:\n    from: {app.name}\n    data: moved    # or: empty"
    if old.manages_volumes != app.manages_volumes:
        hint = f"move the data, and say so in {now.host.folder}/{MOVES}:{is_said}"
        message = f"{app.name}: with manage_volumes changed its volumes are others, and start empty"
        sheet.refuse(app.find("manage_volumes"), message, hint)
    first, then = before.stacks.get(app.name), now.stacks.get(app.name)
    if first is not None and then is not None and first.project != then.project and first.project:
        hint = (
            f"publish it once with `enabled: false`, so that it stops under its old name; move its volumes;"
            f" or keep the name:\n\n  name: {first.project}"
        )
        message = (
            f"{app.name}: its project was {first.project} and becomes {then.project}:"
            " the old containers would run on, and its volumes start empty"
        )
        sheet.refuse(then.place, message, hint)


def _runs(app: App | None) -> bool:
    return app is not None and app.is_enabled


def _is_alike(app: App, old: App, now: Standing, before: Standing) -> bool:
    if not app.is_own and not old.is_own:
        return (app.url, app.compose_config) == (old.url, old.compose_config)
    new, was = now.stacks.get(app.name), before.stacks.get(old.name)
    if new is None or was is None:
        return False
    return SequenceMatcher(None, _list_lines(was), _list_lines(new), autojunk=False).ratio() >= _ALIKE


def _list_lines(stack: Stack) -> list[str]:
    return [line for part in stack.parts for line in part.text.splitlines()]


def _advise(name: str, old: App, host: Host) -> str:
    stub = f"  {old.name}:\n    url: {old.url}\n    branch: {old.branch}\n    enabled: false"
    return (
        f"1. publish without {name}, and with {old.name} stopped:\n\n{stub}\n\n"
        f"2. on {host.name}, move data/{old.name} to data/{name}, and its named volumes\n"
        f"3. say in {host.folder}/{MOVES} what became of them, and publish {name}:\n\n"
        f"  {name}:\n    from: {old.name}\n    data: moved    # or: empty"
    )
