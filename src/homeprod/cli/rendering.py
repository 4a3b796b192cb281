"""``homeprod render``: write the site's files into the playbook repository, or say whether they are behind."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from pathlib import Path, PurePosixPath

from homeprod.cli import render
from homeprod.cli.claims import list_left
from homeprod.cli.pictures import render_pictures
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.git import is_work_tree
from homeprod.drivers.wholefile import write_whole
from homeprod.network.rendered.files import render_entry
from homeprod.site.configured import KEYS_FOLDER, find_control, list_environments
from homeprod.site.loader import find_root, load_site
from homeprod.site.rendered.files import FOLDER, render_site
from homeprod.site.site import Site

BEHIND = 2
_OURS = "# Written by `homeprod render` "
"""How a rendered inventory begins."""


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    folder = _find_folder(options.to, site)
    nodes = render_site(site)
    wanted = dict(sorted({**nodes, **render_entry(site), **render_pictures(site)}.items()))
    gone = list_left(folder, site, wanted)
    changed = [name for name, text in wanted.items() if _read(folder / name) != text]
    if options.check:
        return _tell_behind(folder, changed, gone)
    for name in changed:
        _write(folder / name, wanted[name])
        render.print_line(f"written  {name}")
    for name in gone:
        _remove(folder, name)
        render.print_line(f"removed  {name}")
    if not changed and not gone:
        render.print_line(f"{folder}: as the site says")
    if len(nodes) == 1:
        render.say("note: no machine of the site has control=ControlNode(…), so nothing is configured by it")
    if changed or gone:
        _tell_next(folder, site, options.lab)
    return 0


def _find_folder(folder: Path, site: Site) -> Path:
    """Raises UsageError."""
    clone = "clone the playbook repository, and name it:\n\n  git clone URL DIR\n  homeprod render --to DIR"
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=str(folder), hint=clone)
    place, root = folder.resolve(), site.root.resolve()
    if place == root or any(place.is_relative_to(root / name) for name in ("modules", KEYS_FOLDER)):
        raise UsageError("that is the site itself", where=str(folder), hint=clone)
    for inside in (place, *place.parents):
        if inside.name == FOLDER and (_read(inside / "inventory.yml") or "").startswith(_OURS):
            hint = f"name the folder that it lies in:\n\n  homeprod render --to {shlex.quote(str(inside.parent))}"
            raise UsageError("that is what was rendered already", where=str(folder), hint=hint)
    return folder


def _tell_next(folder: Path, site: Site, lab: str) -> None:
    if not is_work_tree(folder):
        render.say(f"note: {folder} is in no git repository; a control node reads what is pushed to the playbooks'")
        return
    git, branches = f"  git -C {shlex.quote(str(folder))}", _name_branches(site)
    where = f", on {branches}" if branches else ""
    render.say(
        f"review and commit it, signed{where}:\n\n{git} add {FOLDER}\n{git} diff --cached {FOLDER}\n"
        f"{git} commit -S -m site\n" + "\n".join(_push(folder, site, lab) or [f"{git} push"])
    )


def _name_branches(site: Site) -> str:
    """Those that a control node reads."""
    known = sorted({one.branch or one.name for one in list_environments(site) if one.control_node})
    return (
        f"the branch {known[0]}"
        if len(known) == 1
        else f"the branch that it is for ({', '.join(known)})" * bool(known)
    )


def _push(folder: Path, site: Site, lab: str) -> list[str]:
    """To the lab's gateway, which serves the repositories there: no remote of the clone leads to it."""
    nodes = (find_control(declared.machine) for declared in site.machines.values())
    names = sorted({PurePosixPath(node.playbooks).stem for node in nodes if node is not None}) if lab else []
    source = shlex.quote(str(folder))
    return [f"  homeprod lab repository push {lab} {name} --from {source}" for name in names]


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


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as error:
        raise HomeprodError(f"cannot write it: {error.strerror}", where=str(file)) from error


def _remove(folder: Path, name: str) -> None:
    """With the folders that it leaves empty."""
    try:
        (folder / name).unlink()
    except OSError as error:
        raise HomeprodError(f"cannot remove it: {error.strerror}", where=str(folder / name)) from error
    with contextlib.suppress(OSError):  # one that holds something else stays
        for above in (folder / name).relative_to(folder / FOLDER).parents[:-1]:
            (folder / FOLDER / above).rmdir()
