"""The command line as a person and a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeprod.cli.main import main

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


def test_check_of_pegasus_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), "check"]) == 0
    assert capsys.readouterr().out == "pegasus: 8 machines, no mistake found\n"


def test_addresses_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), "addresses", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    coder = next(row for row in rows if row["name"] == "lab-coder")
    assert (coder["kind"], coder["number"], coder["address"], coder["vmid"]) == ("vm", 21, "10.111.1.21", 4001021)


def test_init_writes_a_site_that_checks_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "home")]) == 0
    assert main(["--site", str(tmp_path / "home"), "check"]) == 0
    assert "2 machines, no mistake found" in capsys.readouterr().out


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "precious").write_text("x")
    assert main(["init", str(tmp_path)]) == 64
    assert "is not an empty folder" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["precious"]


def test_a_wrong_site_is_told_on_stderr_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "home")])
    module = tmp_path / "home" / "modules" / "files_vm.py"
    module.write_text(module.read_text().replace("number=21", "number=1"))
    capsys.readouterr()
    assert main(["--site", str(tmp_path / "home"), "check", "--json"]) == 1
    said = capsys.readouterr()
    assert [(m["file"], m["line"]) for m in json.loads(said.out)] == [("modules/files_vm.py", 8)]
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["check", "--nonsense"], ["init"]])
def test_wrong_usage_exits_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert "--help" in capsys.readouterr().err


def test_no_site_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(tmp_path), "check"]) == 64
    assert "homeprod init DIR" in capsys.readouterr().err
