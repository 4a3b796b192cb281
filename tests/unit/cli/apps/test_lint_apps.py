"""``apps lint``: what a person sees, and a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.app_repository import COMPOSE, TWO, AppRepository, write_configuration
from tests.reference_schema import open_validator

from homeprod.cli.main import main

EXAMPLES = Path(__file__).parents[4] / "examples"


@pytest.fixture(autouse=True)
def _no_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine has one decides nothing; tests/unit/drivers/apps has the real one."""
    monkeypatch.setattr("homeprod.cli.apps.look.find_compose", lambda: None)


def test_a_good_one(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.lint() == 0
    said = capsys.readouterr()
    assert said.out == "1 host, 2 apps, no mistake found\n"
    assert "not asked: docker compose" in said.err
    assert "not held against a site" in said.err


def test_every_mistake_is_told_at_once_with_its_place(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write(
        {
            "hosts/box/_harbormaster.yml": write_configuration("box", *TWO) + "    enable: false\n",
            "apps/wiki/compose.yaml": "services: [\n",
            "hosts/box/vault.yml": "x: 1\n",
        }
    )
    assert home.lint() == 1
    said = capsys.readouterr()
    assert said.out == ""
    for place in ("hosts/box/_harbormaster.yml:8: ", "apps/wiki/compose.yaml:2: ", "hosts/box/vault.yml:1: "):
        assert place in said.err
    assert "is enabled meant?" in said.err
    assert "the app repository has 3 mistakes" in said.err


def test_for_machines(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    home.write({"apps/wiki/compose.yaml": COMPOSE.format(app="wiki", tag="latest")})
    assert home.lint("--json") == 0
    report = json.loads(capsys.readouterr().out)
    open_validator("apps").validate(report)
    assert (report["hosts"], report["apps"], report["asked_compose"], report["asked_site"]) == (1, 2, False, False)
    assert [(note["file"], note["line"]) for note in report["notes"]] == [("apps/wiki/compose.yaml", 3)]


def test_what_was_published_last_is_known_without_asking(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.publish() == 0
    home.git("remote", "set-url", "origin", "/nowhere/at/all")
    home.write({"hosts/box/_harbormaster.yml": write_configuration("box", "wiki")})
    assert home.lint() == 1
    assert "chat has left, and was published last as one that runs" in capsys.readouterr().err


def test_hosts_are_held_against_the_site(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.lint("--site", str(EXAMPLES / "pegasus")) == 1
    assert "the site has no machine 'box'" in capsys.readouterr().err


def test_a_site_that_is_named_must_be_there(home: AppRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.lint("--site", str(home.work)) == 64
    assert "no site here" in capsys.readouterr().err


def test_a_folder_that_is_no_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["apps", "lint", str(tmp_path / "empty")]) == 1
    assert "there is no host in this repository" in capsys.readouterr().err
    assert main(["apps", "lint", str(tmp_path / "gone")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_from_a_folder_in_it_the_whole_repository_is_meant(
    home: AppRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.publish() == 0
    capsys.readouterr()
    assert main(["apps", "lint", str(home.work / "apps")]) == 0
    assert capsys.readouterr().out == "1 host, 2 apps, no mistake found\n"


def test_a_verb_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apps"]) == 64
    assert "which of lint and publish?" in capsys.readouterr().err


def test_the_example_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apps", "lint", str(EXAMPLES / "pegasus-apps"), "--site", str(EXAMPLES / "pegasus")]) == 0
    said = capsys.readouterr()
    assert said.out == "1 host, 2 apps, no mistake found\n"
    assert "note:" not in said.err
