"""Shell completion: the real bash, and the names that are offered."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeprod.cli.completion import attach_completers, list_labs, list_machines
from homeprod.cli.main import main
from homeprod.lab.spec import LabSpec

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"
SCRIPT = """
source <(homeprod completion bash)
COMP_LINE="$1" COMP_POINT=${#1} COMPREPLY=()
_python_argcomplete homeprod
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _press_tab(line: str, folder: Path) -> set[str]:
    """What bash offers after ``line``."""
    program = folder / "homeprod"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m homeprod "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    command = ["bash", "-c", SCRIPT, "bash", line]
    said = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    return set(said.stdout.split())


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    assert {"init", "check", "plan", "completion", "--site"} <= _press_tab("homeprod ", tmp_path)
    assert _press_tab("homeprod add", tmp_path) == {"addresses"}
    assert {"bash", "zsh", "fish"} <= _press_tab("homeprod completion ", tmp_path)


def test_bash_completes_the_names_of_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"lab-ansible", "lab-ansible-data", "lab-coder", "lab-proxy"}
    assert _press_tab(f"homeprod --site {PEGASUS} destroy lab-", tmp_path) == names
    monkeypatch.chdir(PEGASUS / "modules")
    assert _press_tab("homeprod apply --only lab-", tmp_path) == names


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_to_source(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    said = capsys.readouterr()
    assert "_ARGCOMPLETE" in said.out
    assert "homeprod" in said.out
    assert said.err == ""


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 64
    assert "invalid choice: 'csh'" in capsys.readouterr().err


def test_names_are_offered_by_what_an_argument_is_called() -> None:
    parser = argparse.ArgumentParser()
    lab_option = parser.add_argument("--lab", metavar="NAME")
    commands = parser.add_subparsers()
    only = commands.add_parser("apply").add_argument("--only", metavar="NAME")
    destroyed = commands.add_parser("destroy").add_argument("name", metavar="NAME")
    shell = commands.add_parser("lab").add_subparsers().add_parser("ssh")
    lab, machine = shell.add_argument("lab_name", metavar="NAME"), shell.add_argument("vm", metavar="VM")
    attach_completers(parser)
    actions = (lab_option, only, destroyed, lab, machine)
    assert [vars(action)["completer"] for action in actions] == [
        list_labs,
        list_machines,
        list_machines,
        list_labs,
        list_machines,
    ]


def test_the_names_of_a_sites_machines() -> None:
    names = list_machines(parsed_args=argparse.Namespace(site=PEGASUS))
    assert {"lab-coder", "lab-ansible-data"} <= {*names}
    assert list_machines(parsed_args=argparse.Namespace(site=Path("/"))) == []


def test_none_of_a_sites_code_is_run(tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "_config.py").write_text("raise SystemExit")
    (modules / "a_vm.py").write_text("raise SystemExit")
    assert list_machines(parsed_args=argparse.Namespace(site=tmp_path)) == ["a"]


def test_the_names_of_labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert list_labs() == []
    demo = tmp_path / "homeprod" / "labs" / "demo"
    demo.mkdir(parents=True)
    LabSpec("demo").write(demo / "lab.json")
    assert list_labs() == ["demo"]
