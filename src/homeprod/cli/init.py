"""``homeprod init``: write a small site that checks clean."""

from __future__ import annotations

import argparse
import uuid
from importlib.resources import files
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.lab.command import name_program

NEXT = """\
wrote {folder}/modules: {names}

next:
  replace what is marked with an arrow in {folder}/modules/_config.py, until this has nothing to say:

    homeprod --site {folder} check

  make a user of Proxmox with the least rights that this site needs, and its token:

    homeprod --site {folder} doctor --role

  see whether all is well, and then what would be done; both only read:

    homeprod --site {folder} doctor
    homeprod --site {folder} plan

or rehearse it as it is, without any Proxmox, in the embedded lab:

    {program} --site {folder} lab up rehearsal
    {program} --site {folder} --lab rehearsal plan"""


def run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                "is there already, and is not an empty folder", where=str(folder), hint="name another one"
            )
        names = _write_modules(folder / "modules")
    except OSError as error:
        raise HomeprodError(f"cannot write the site: {error.strerror}", where=str(folder)) from error
    render.print_line(NEXT.format(folder=folder, program=name_program(needs_root=True), names=", ".join(names)))
    return 0


def _write_modules(modules: Path) -> list[str]:
    modules.mkdir(parents=True)
    templates = sorted(files("homeprod.cli").joinpath("first_site").iterdir(), key=lambda file: file.name)
    for template in templates:
        text = template.read_text(encoding="utf-8").replace("SITE-ID", str(uuid.uuid4()))
        (modules / template.name.removesuffix(".txt")).write_text(text, encoding="utf-8")
    return [template.name.removesuffix(".txt") for template in templates]
