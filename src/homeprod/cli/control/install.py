"""``homeprod control install``: make this machine a control node; what cloud-init runs from the second CD."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from homeprod.cli import render
from homeprod.control.install import install
from homeprod.control.places import Places
from homeprod.control.settings import read_settings
from homeprod.control.units import render_units
from homeprod.core.errors import UsageError


def run(options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise UsageError("only root can do that", hint="it is run by cloud-init, on the control node itself")
    places = Places(settings=Path(options.settings)) if options.settings else Places()
    settings = read_settings(places.settings)
    install(settings, places, render_units(settings.environments))
    render.print_line(
        f"{settings.node} is a control node; next, on a terminal (unlock, where it was bootstrapped before):\n\n"
        f"  ssh -t {settings.node} bootstrap"
    )
    return 0
