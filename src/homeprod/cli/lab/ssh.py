"""``homeprod lab ssh``: a login in a machine. This process becomes ssh, whose exit code is then ours."""

from __future__ import annotations

import argparse
import os

from homeprod.lab.census import require_running
from homeprod.lab.folder import require_lab
from homeprod.lab.host import require_root
from homeprod.lab.login import make_login


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    spec = lab.read_spec()
    machine = require_running(lab, spec, options.machine)
    argv = make_login(lab, spec, machine, options.user, options.words, has_terminal=options.tty)
    require_root(lab.name, "lab ssh")
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is wanted)
