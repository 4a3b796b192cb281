"""``homeprod lab outside``: a command as a client outside. This process becomes it; its exit code is then ours."""

from __future__ import annotations

import argparse
import os
import shutil

from homeprod.core.errors import LabError, UsageError
from homeprod.lab.folder import require_lab
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    require_root(lab.name, "lab outside")
    lan = Lan(lab.read_spec(), lab.path)
    if not lan.outside.namespace.exists():
        raise LabError("the lab is down", where=lab.name, hint=f"homeprod lab up {lab.name}")
    words = options.words or [os.environ.get("SHELL", "/bin/sh")]
    if shutil.which(words[0]) is None:
        raise UsageError(f"there is no program {words[0]!r}", hint=f"homeprod lab outside {lab.name} curl --version")
    argv = lan.outside.enter(words)
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is wanted)
