"""``homeprod lab gateway``: the rules by which a lab's gateway lets the outside in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.lab.lan import require_lan
from homeprod.core.errors import UsageError
from homeprod.lab.folder import require_lab
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan
from homeprod.network.nat.nftables import render_nftables
from homeprod.network.nat.values import describe_nat
from homeprod.site.entry.gateway import Gateway
from homeprod.site.loader import find_root, load_site


def run(options: argparse.Namespace) -> int:
    if not (options.file or options.entry or options.clear):
        render.print_line(_show(options.name))
        return 0
    lan = require_lan(options.name, "lab gateway")
    if options.clear:
        lan.gateway.clear()
        render.print_line("the gateway has no rules any more")
    else:
        lan.gateway.take(_render(options.site, lan.outside.interface) if options.entry else _read(options.file))
        words = "the site's entry" if options.entry else "these rules" if options.file == "-" else options.file
        render.print_line(f"the gateway works by {words} now")
    return 0


def _show(name: str) -> str:
    """Also of a lab that is down: it will have them when it comes up."""
    lab = require_lab(name)
    require_root(name, "lab gateway")
    rules = Lan(lab.read_spec(), lab.path).gateway.read().rstrip()
    return rules or "the gateway has no rules: nobody outside reaches the LAN"


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
