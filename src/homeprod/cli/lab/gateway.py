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
from homeprod.network.nat.nftables import render_nftables
from homeprod.network.nat.values import describe_nat
from homeprod.site.entry.gateway import Gateway
from homeprod.site.loader import find_root, load_site


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    require_root(lab.name, "lab gateway")
    spec = lab.read_spec()
    lan = Lan(spec, lab.path)
    if not (options.file or options.entry or options.clear):
        render.print_line(lan.gateway.read().rstrip() or "the gateway has no rules: nobody outside reaches the LAN")
        return 0
    if not lan.namespace.exists():
        raise LabError("the lab is down", where=lab.name, hint=f"homeprod lab up {lab.name}")
    if options.clear:
        lan.gateway.clear()
        render.print_line("the gateway has no rules any more")
    else:
        lan.gateway.take(_render(options.site, spec.wan.interface) if options.entry else _read(options.file))
        words = "the site's entry" if options.entry else "these rules" if options.file == "-" else options.file
        render.print_line(f"the gateway works by {words} now")
    return 0


def _render(folder: Path, interface: str) -> str:
    """The rules of the site in reach, for the lab's own link to the outside."""
    site = load_site(find_root(folder))
    if site.entry is None:
        raise UsageError("the site has no entry", where=str(site.root), hint="modules/_entry.py holds one")
    return render_nftables(describe_nat(site, site.entry), Gateway(wan=interface))


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the rules cannot be read: {words}", where=file, hint="a file for `nft -f`") from error
