"""``homeprod control bundle``: the CD that a control node is installed from, as a file to carry elsewhere."""

from __future__ import annotations

import argparse
import os
import shutil
from contextlib import suppress
from pathlib import Path

from homeprod import __version__
from homeprod.cli import render
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.bundle import bring_bundle
from homeprod.site.bundle import identify_bundle


def run(options: argparse.Namespace) -> int:
    target = Path(options.to)
    if target.is_dir() or not target.parent.is_dir():
        what = "this is a folder" if target.is_dir() else "its folder is not there"
        raise UsageError(what, where=str(target), hint="name a file:\n\n  --to homeprod-bundle.iso")
    # What is made here is asked for, not what was made elsewhere.
    env = {name: value for name, value in os.environ.items() if name != "HOMEPROD_BUNDLE"}
    _copy(bring_bundle(target.name, render.say, env=env), target)
    size = target.stat().st_size // 1024**2
    render.print_line(f"{target} is the bundle {identify_bundle()} of homeprod {__version__}, {size} MiB")
    render.say(f'where it is to be taken:\n\n  export HOMEPROD_BUNDLE="$PWD/{target.name}"')
    return 0


def _copy(iso: Path, target: Path) -> None:
    """Whole or not at all. Raises HomeprodError."""
    part = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(iso, part)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        hint = "name a file where you may write, and where there is room"
        raise HomeprodError(f"cannot write it: {error.strerror}", where=str(target), hint=hint) from error
