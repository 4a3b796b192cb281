"""``homeprod lab down``: nothing of the lab runs any more."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.lab.command import name_up
from homeprod.lab.folder import require_lab
from homeprod.lab.life import take_down


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    take_down(lab, render.say, removes_disks=options.disks, limit=options.timeout)
    if options.disks:
        render.print_line(f"lab {lab.name} is gone, disks and all")
    else:
        again = name_up(lab.name, boots=lab.read_spec().boot)
        render.print_line(f"lab {lab.name} is down; its disks are kept in {lab.path}\n\n  {again}")
    return 0
