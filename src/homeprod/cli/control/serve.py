"""``homeprod control serve``: the daemon of a control node, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from homeprod.cli.control.node import find_places
from homeprod.control.daemon import serve
from homeprod.web.door import open_door


def run(options: argparse.Namespace) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s: %(message)s")
    places = find_places(options)
    asyncio.run(serve(places, lambda node: open_door(node, places)))
    return 0
