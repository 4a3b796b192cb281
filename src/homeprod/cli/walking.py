"""Ways, walked for real by who is to ask them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from homeprod.cli import render
from homeprod.engine.walk import walk
from homeprod.network.walk.sight import Walk
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry
from homeprod.site.site import Site
from homeprod.wiring.asker import open_asker

OTHERWISE, NOTHING_ASKED = 1, 3
"""Exit codes."""
_AT_ONCE = 4


def walk_ways(site: Site, entry: Entry, ways: Sequence[Way], options: argparse.Namespace) -> list[Walk]:
    """In their order. Raises LabError where the lab is not up, or cannot be entered."""
    asker, now = open_asker(options.lab, options.at), datetime.now(UTC)
    with render.busy("asking the machines of the way"), ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda way: walk(site, entry, way, asker, now), ways))
