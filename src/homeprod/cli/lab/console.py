"""``homeprod lab console``: a machine's serial console."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.lab.census import guest_files, require_running
from homeprod.lab.console import ESCAPE_NAME, check_console, open_console
from homeprod.lab.folder import require_lab


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    machine = require_running(lab, lab.read_spec(), options.machine)
    files = guest_files(lab.path, machine.vmid)
    check_console(files)
    render.say(f"console of {machine.name}; {ESCAPE_NAME} ends it")
    open_console(files)
    render.say(f"\nconsole of {machine.name} closed")
    return 0
