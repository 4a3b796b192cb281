"""``homeprod lab outside``: a command as a client outside. This process becomes it; its exit code is then ours."""

from __future__ import annotations

import argparse
import os
import shutil

from homeprod.cli.lab.lan import require_lan
from homeprod.core.errors import UsageError
from homeprod.lab.command import name_program


def run(options: argparse.Namespace) -> int:
    lan = require_lan(options.name, "lab outside")
    words = options.words or [os.environ.get("SHELL", "/bin/sh")]
    if shutil.which(words[0]) is None:
        call = f"{name_program(needs_root=True)} lab outside {options.name} curl --version"
        raise UsageError(f"there is no program {words[0]!r}", hint=f"name one, as in\n\n  {call}")
    argv = lan.outside.enter(words)
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is wanted)
