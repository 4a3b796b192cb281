"""The command line as a person and a program meet it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.reference_schema import open_validator

from homeprod.cli.main import build_parser, main
from homeprod.site import example

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


def test_check_of_pegasus_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), "check"]) == 0
    assert capsys.readouterr().out == "pegasus: 8 machines, no mistake found\n"


def test_check_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "home")])
    capsys.readouterr()
    assert main(["--site", str(tmp_path / "home"), "check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    open_validator("check").validate(told)
    assert told["machines"] == 2
    assert {note["file"] for note in told["notes"]} == {"modules/_config.py"}


def test_addresses_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), "addresses", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    coder = next(row for row in rows if row["name"] == "lab-coder")
    assert (coder["kind"], coder["number"], coder["address"], coder["vmid"]) == ("vm", 21, "10.111.1.21", 4001021)


def test_init_writes_a_site_that_checks_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "home")]) == 0
    assert f"homeprod --site {tmp_path / 'home'} doctor --role" in capsys.readouterr().out
    assert main(["--site", str(tmp_path / "home"), "check"]) == 0
    said = capsys.readouterr()
    assert said.out == "home: 2 machines, no mistake found; still the example's: 5\n"
    assert said.err.count(": note: ") == 5
    assert "the public key of you is the example's" in said.err
    lines = (tmp_path / "home" / "modules" / "_config.py").read_text().splitlines()
    arrows = [number for number, line in enumerate(lines, 1) if "# <-" in line]
    assert [int(found) for found in re.findall(r"modules/_config\.py:(\d+): note: ", said.err)] == arrows


def test_init_tells_how_a_lab_that_boots_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for user, program in ((1000, 'sudo "$(command -v homeprod)"'), (0, "homeprod")):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        monkeypatch.delenv("SUDO_USER", raising=False)
        home = tmp_path / str(user)
        assert main(["init", str(home)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert f"    {program} --site {home} lab up rehearsal" in lines
        assert f"    {program} --site {home} --lab rehearsal plan" in lines


def test_a_site_of_ones_own_has_no_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "home")])
    config = tmp_path / "home" / "modules" / "_config.py"
    text = config.read_text()
    for ours, own in (
        (example.ENDPOINT, "https://pve.home.example:8006"),
        (example.SUBNET, "198.51.100.0/24"),
        (example.IMAGES, "https://images.home.example/"),
        ('"0" * 128', '"1" * 128'),
        (example.KEY, "AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yT3BzMTExMTEx"),
    ):
        assert ours in text
        text = text.replace(ours, own)
    config.write_text(text)
    capsys.readouterr()
    assert main(["--site", str(tmp_path / "home"), "check"]) == 0
    assert capsys.readouterr() == ("home: 2 machines, no mistake found\n", "")


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "home")]) == 1
    assert "cannot write the site: Not a directory" in capsys.readouterr().err


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
    assert [(m["file"], m["line"]) for m in json.loads(said.out)["errors"]] == [("modules/files_vm.py", 8)]
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["check", "--nonsense"], ["init"]])
def test_wrong_usage_exits_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "lab", "site", "debug"),
    [
        ("plan", "", ".", False),
        ("plan --lab demo --site home --debug", "demo", "home", True),
        ("--lab demo --site home --debug plan", "demo", "home", True),
        ("--lab demo plan --site home", "demo", "home", False),
        ("--lab demo plan --lab other", "other", ".", False),
        ("lab up demo --site home", "", "home", False),
        ("history files --lab demo --limit 3", "demo", ".", False),
    ],
)
def test_what_every_command_takes_may_stand_before_or_behind_it(line: str, lab: str, site: str, debug: bool) -> None:
    options = build_parser(line.split()).parse_args(line.split())
    assert (options.lab, str(options.site), options.debug) == (lab, site, debug)


def test_a_command_run_by_ssh_keeps_its_own_options() -> None:
    options = build_parser().parse_args(["lab", "ssh", "demo", "files", "ls", "--site", "x", "--debug"])
    assert (options.words, str(options.site), options.debug) == (["ls", "--site", "x", "--debug"], ".", False)


def test_no_site_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(tmp_path), "check"]) == 64
    assert "homeprod init DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "apply --wait-lease soon",
            "argument --wait-lease: seconds from 0 to 86400 (a day) are expected, not 'soon'",
        ),
        ("apply --wait-limit nan", "argument --wait-limit: seconds from 0 to 86400 (a day) are expected, not 'nan'"),
        ("apply --parallel 65", "argument --parallel: a number from 1 to 64 is expected, not '65'"),
        ("apply --removals all", "argument --removals: a number from 0 to 1000000 is expected, not 'all'"),
        ("history --limit 0", "argument --limit: a number from 1 to 10000 is expected, not '0'"),
        ("adopt five", "argument VMID: a number from 100 to 999999999 is expected, not 'five'"),
        ("adopt 105 --to web-data", "--to goes with --disk NAME SLOT: taking over a machine only writes modules"),
        ("adopt 105 --break-lease", "--break-lease goes with --disk NAME SLOT: taking over a machine only writes"),
        ("adopt --disk web scsi1 --as x --to x-data", "--as does not go with --disk: the data VM is named by --to"),
        ("forget web --json", "unrecognized arguments: --json"),
    ],
)
def test_what_a_wrong_argument_is_answered(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In words of its own, and with the help of the command that it was given to."""
    command = line.partition(" ")[0]
    assert main(["--site", str(PEGASUS), *line.split()]) == 64
    said = capsys.readouterr().err
    assert f"error: {words}" in said
    assert said.endswith(f"  see:\n\n    homeprod {command} --help\n")


@pytest.mark.parametrize(
    ("line", "words", "meant", "program"),
    [
        ("aply", "homeprod has no command 'aply'", "is apply meant? else ", "homeprod"),
        ("control trsut", "homeprod control has no command 'trsut'", "is trust meant? else ", "homeprod control"),
        ("lab repository psuh", "homeprod lab repository has no verb 'psuh'", "is push meant? else ", None),
        ("zzz", "homeprod has no command 'zzz'", "", "homeprod"),
    ],
)
def test_a_command_that_there_is_not(
    line: str, words: str, meant: str, program: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 64
    called = program or "homeprod lab repository"
    assert capsys.readouterr().err == f"error: {words}\n  {meant}see:\n\n    {called} --help\n"


def test_where_no_site_is_is_said_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 64
    assert f"error: {tmp_path}: no site here" in capsys.readouterr().err


def test_no_wait_for_the_lease_may_be_said() -> None:
    assert build_parser(["apply"]).parse_args(["apply", "--wait-lease", "0"]).wait_lease == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "says no places"),
        ('{"nowhere": "/"}', "says no places"),
    ],
)
def test_places_that_are_none(
    text: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "places"
    if text is not None:
        file.write_text(text)
    assert main(["control", "lock", "--places", str(file)]) == 64
    assert f"error: {file}: {words}\n" in capsys.readouterr().err
