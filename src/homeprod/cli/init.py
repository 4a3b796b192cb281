"""``homeprod init``: write a small site that checks clean."""

from __future__ import annotations

import argparse
import uuid
from importlib.resources import files

from homeprod.cli import render
from homeprod.core.errors import UsageError


def run(options: argparse.Namespace) -> int:
    folder = options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("is there already, and is not an empty folder", where=str(folder), hint="name another one")
    modules = folder / "modules"
    modules.mkdir(parents=True)
    for template in files("homeprod.cli").joinpath("first_site").iterdir():
        text = template.read_text(encoding="utf-8").replace("SITE-ID", str(uuid.uuid4()))
        (modules / template.name.removesuffix(".txt")).write_text(text, encoding="utf-8")
    render.print_line(f"wrote {folder}/modules; read _config.py first, then:\n\n  homeprod --site {folder} check")
    return 0
