"""``homeprod control upgrade``: another version in place, from the CD; any state → Locked (New stays New)."""

from __future__ import annotations

import argparse
import os

from homeprod.cli import render
from homeprod.control.upgrade import upgrade
from homeprod.core.errors import UsageError


def run(_: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise UsageError(
            "only root can do that", hint="on the control node itself:\n\n  sudo homeprod control upgrade"
        )
    with render.busy("installing what is on the CD"):
        version = upgrade()
    render.print_line(f"homeprod {version} runs; the node is Locked until somebody unlocks it:\n\n  unlock")
    return 0
