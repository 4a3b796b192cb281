"""``homeprod lab …``: the embedded lab as a person uses it. One file a subcommand."""

from __future__ import annotations

import argparse
import importlib


def run(options: argparse.Namespace) -> int:
    return int(importlib.import_module(f"homeprod.cli.lab.{options.lab_command}").run(options))
