"""``homeprod control …``: the control node, on it and from the operator's machine. One file a verb."""

from __future__ import annotations

import argparse
import importlib


def run(options: argparse.Namespace) -> int:
    module = options.control_command.replace("-", "_")
    return int(importlib.import_module(f"homeprod.cli.control.{module}").run(options))
