"""What makes `--help` and `--version` quick: they import nothing that they do not need (bench/start.py measures)."""

from __future__ import annotations

import subprocess
import sys

import pytest

DEAR = {"typing", "pathlib", "shutil", "pydantic", "yaml", "urllib3", "argcomplete", "asyncio", "json"}
SCRIPT = """
import sys
from homeprod.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_quick_options_import_little(option: str) -> None:
    command = [sys.executable, "-S", "-c", SCRIPT, option]  # -S: what .pth files import is not ours
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "homeprod" in done.stdout
    assert DEAR & {*done.stderr.split()} == set()
