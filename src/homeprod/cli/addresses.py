"""``homeprod addresses``: names, addresses and VMIDs."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.site.loader import find_root, load_site


def run(options: argparse.Namespace) -> int:
    rows = load_site(find_root(options.site)).addresses()
    if options.json:
        render.print_json(rows)
    else:
        render.print_table(("number", "name", "kind", "address", "vmid"), rows)
    return 0
