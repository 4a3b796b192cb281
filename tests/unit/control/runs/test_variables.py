"""What a run's Ansible is told by its environment, as Ansible itself understands it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.control.runs.node import make_job

from homeprod.control.runs.play import list_variables


def test_ansible_understands_what_keeps_secrets_and_keys_where_they_are(tmp_path: Path) -> None:
    variables = list_variables(make_job(tmp_path), tmp_path)
    command = (sys.executable, "-m", "ansible", "config", "dump", "--only-changed", "--format", "json")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True)
    found = {one["name"]: (one["value"], one["origin"]) for one in json.loads(done.stdout) if "name" in one}
    assert found["DEFAULT_NO_TARGET_SYSLOG"] == (True, "env: ANSIBLE_NO_TARGET_SYSLOG")
    assert variables["ANSIBLE_HOST_KEY_CHECKING"] == "True", (
        "which is Ansible's own default, and not ansible-runner's"
    )


def test_what_a_module_needs_for_a_while_lies_in_the_runs_own_folder(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    variables = list_variables(make_job(tmp_path), tmp_path)
    command = (sys.executable, "-m", "ansible", "adhoc", "localhost", "-c", "local", "-m", "ansible.builtin.tempfile")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'"path": "{tmp_path}/' in done.stdout
