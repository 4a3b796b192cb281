"""What compose itself says of compose files: the real one, without a daemon."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.compose import lay_down_compose
from tests.unit.apps.test_wrong_repositories import GOOD, make_tree

from homeprod.apps.lint import lint
from homeprod.drivers.apps.compose import check_stacks, find_compose

FILE = "apps/wiki/compose.yaml"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """On a PATH of its own, beside nothing but what finds programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    lay_down_compose(folder)
    monkeypatch.setenv("PATH", str(folder))
    found = find_compose()
    assert found == ("docker-compose",)
    return found


def check(program: tuple[str, ...], files: dict[str, Any]) -> list[str]:
    linted = lint(make_tree({**GOOD["files"], **files}), {})
    return [str(found) for found in check_stacks(program, linted.stacks.values())]


def test_what_is_right_passes(program: tuple[str, ...]) -> None:
    text = """services:
  web:
    image: registry.example/wiki:{{ HM_TAG:"1.4" }}
    env_file: /etc/homeprod/apps/wiki/web.env
    build: .
    volumes:
      - ${HM_DATA_DIR}/pages:/pages
      - {{ HM_CACHE_DIR }}:/cache
secrets:
  db:
    file: /etc/homeprod/apps/wiki/db
"""
    assert check(program, {FILE: text, "apps/wiki/Dockerfile": "FROM scratch\n"}) == []


SERVICE = "services:\n  web:\n    image: x/y:1\n"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("    brandnew: 1\n", ":3: compose refuses it: .*brandnew"),
        ("    ports: ['x:y']\n", ":1: compose refuses it: .*containerPort"),
        ("    depends_on: [db]\n", ":3: compose refuses it: .*undefined service"),
        ("    volumes: ['data:/data']\n", ":3: compose refuses it: .*undefined volume data"),
    ],
)
def test_what_it_refuses_is_told_with_the_file(program: tuple[str, ...], more: str, words: str) -> None:
    (found,) = check(program, {FILE: SERVICE + more})
    assert re.match(re.escape(FILE) + words, found)
    assert "/tmp" not in found


def test_variables_are_those_that_harbormaster_gives(program: tuple[str, ...]) -> None:
    configuration = GOOD["files"]["hosts/box/_harbormaster.yml"] + "    environment:\n      TAG: '7'\n"
    text = "services:\n  web:\n    image: x/y:${TAG:?no tag}\n"
    assert check(program, {"hosts/box/_harbormaster.yml": configuration, FILE: text}) == []
    (found,) = check(program, {FILE: text})
    assert "no tag" in found


def test_without_compose_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compose() is None
    old = tmp_path / "docker-compose"
    old.write_text("#!/bin/sh\necho 1.29.2\n")
    old.chmod(0o755)
    assert find_compose() is None
