"""Ways, walked for real by who is to ask them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from homeprod.cli import render
from homeprod.engine.walk import walk_all
from homeprod.network.walk.sight import Walk
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry
from homeprod.site.site import Site
from homeprod.wiring.asker import open_asker

OTHERWISE, NOTHING_ASKED = 1, 3
"""Exit codes."""


def walk_ways(site: Site, entry: Entry, ways: Sequence[Way], options: argparse.Namespace) -> list[Walk]:
    """In their order. Raises LabError where the lab is not up, or cannot be entered."""
    asker, now = open_asker(options.lab, options.at), datetime.now(UTC)
    with render.busy("asking the machines of the way"):
        return walk_all(site, entry, ways, asker, now)
