"""``homeprod render``: write the site's files into the playbook repository, or say whether they are behind."""

from __future__ import annotations

import argparse
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.wholefile import write_whole
from homeprod.site.loader import find_root, load_site
from homeprod.site.rendered.files import FOLDER, render_site

BEHIND = 2


def run(options: argparse.Namespace) -> int:
    folder: Path = options.to
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder", hint=f"clone the playbook repository there:\n\n  git clone URL {folder}"
        )
    wanted = render_site(load_site(find_root(options.site)))
    changed = [name for name, text in wanted.items() if _read(folder / name) != text]
    gone = sorted(_list_old(folder) - set(wanted))
    if options.check:
        return _tell_behind(folder, changed, gone)
    for name in changed:
        _write(folder / name, wanted[name])
        render.print_line(f"written  {name}")
    for name in gone:
        (folder / name).unlink()
        render.print_line(f"removed  {name}")
    if not changed and not gone:
        render.print_line(f"{folder}: as the site says")
    else:
        git = f"  git -C {folder}"
        render.say(
            f"review and commit it, signed:\n\n{git} add {FOLDER}\n{git} diff --cached {FOLDER}\n"
            f"{git} commit -S -m site\n{git} push"
        )
    return 0


def _tell_behind(folder: Path, changed: list[str], gone: list[str]) -> int:
    for name in changed:
        render.print_line(f"behind   {name}")
    for name in gone:
        render.print_line(f"left     {name}")
    if changed or gone:
        render.say(f"write them anew:\n\n  homeprod render --to {folder}")
        return BEHIND
    render.print_line(f"{folder}: as the site says")
    return 0


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise HomeprodError(f"cannot read it: {error}", where=str(file)) from error


def _list_old(folder: Path) -> set[str]:
    """What earlier renderings may have left: settings of control nodes, and the inventory."""
    return {f"{FOLDER}/{file.name}" for file in (folder / FOLDER).glob("*.json")}


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as error:
        raise HomeprodError(f"cannot write it: {error.strerror}", where=str(file)) from error
