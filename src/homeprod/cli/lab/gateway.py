"""``homeprod lab gateway``: the rules by which a lab's gateway lets the outside in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import LabError, UsageError
from homeprod.lab.folder import require_lab
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    require_root(lab.name, "lab gateway")
    lan = Lan(lab.read_spec(), lab.path)
    if not options.file and not options.clear:
        render.print_line(lan.gateway.read().rstrip() or "the gateway has no rules: nobody outside reaches the LAN")
        return 0
    if not lan.namespace.exists():
        raise LabError("the lab is down", where=lab.name, hint=f"homeprod lab up {lab.name}")
    if options.clear:
        lan.gateway.clear()
        render.print_line("the gateway has no rules any more")
    else:
        lan.gateway.take(_read(options.file))
        render.print_line(f"the gateway works by {options.file if options.file != '-' else 'these rules'} now")
    return 0


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the rules cannot be read: {words}", where=file, hint="a file for `nft -f`") from error
