"""The real Harbormaster, in a process of its own, as far as it goes without docker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_READ = """
import json, sys
from pathlib import Path
from docker_harbormaster.cli import Configuration
from docker_harbormaster.utils import Paths

config, work = map(Path, sys.argv[1:])
paths = Paths.for_workdir(work, config_dir=config.parent)
apps = Configuration.from_yaml(config, paths).apps
print(json.dumps({app.id: {"enabled": bool(app.enabled), "branch": app.branch, "environment": app.environment,
                           "replacements": app.replacements, "data": str(app.paths.data_dir)} for app in apps}))
"""
_FETCH = """
import json, sys
from pathlib import Path
from docker_harbormaster.cli import Configuration
from docker_harbormaster.utils import Paths

config, work = map(Path, sys.argv[1:])
paths = Paths.for_workdir(work, config_dir=config.parent)
paths.create_directories()
for app in Configuration.from_yaml(config, paths).apps:
    app.pull_upstream() if app.is_repo() else app.clone()
    print(app.id, *app.compose_config_command)
"""


def read_apps(config: Path) -> dict[str, dict[str, Any]]:
    """What it makes of a configuration, by app. Raises CalledProcessError where it ends instead."""
    apps: dict[str, dict[str, Any]] = json.loads(_call(_READ, config, check=True).stdout)
    return apps


def try_to_read(config: Path) -> subprocess.CompletedProcess[str]:
    return _call(_READ, config)


def fetch_apps(config: Path) -> subprocess.CompletedProcess[str]:
    """Clones what is not there, and pulls what is; prints with which files compose would be called."""
    return _call(_FETCH, config)


def run_harbormaster(config: Path) -> subprocess.CompletedProcess[str]:
    """``harbormaster run``, whole."""
    work = _make_work(config)
    script = "from docker_harbormaster.cli import cli; cli()"
    argv = [sys.executable, "-c", script, "run", "-c", str(config), "-d", str(work)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=make_environment(work))


def _call(script: str, config: Path, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    work = _make_work(config)
    argv = [sys.executable, "-c", script, str(config), str(work)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=check, env=make_environment(work))


def _make_work(config: Path) -> Path:
    work = config.parent / "harbormaster"
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    return work


def make_environment(work: Path) -> dict[str, str]:
    """It makes a temporary folder whenever it is loaded: in the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "HOMEPROD_"))}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
        "TMPDIR": str(work / "tmp"),
    }
