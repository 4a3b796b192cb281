"""``homeprod apps …``: the app repository. One file a verb."""

from __future__ import annotations

import argparse
import importlib

from homeprod.core.errors import UsageError


def run(options: argparse.Namespace) -> int:
    if not options.verb:
        raise UsageError("which of lint and publish?", hint="see:\n\n  homeprod apps --help")
    return int(importlib.import_module(f"homeprod.cli.apps.{options.verb}").run(options))
