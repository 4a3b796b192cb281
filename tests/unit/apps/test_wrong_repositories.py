"""Every app repository under tests/cases/apps gives exactly the mistakes and notes that its case file says.

A case changes the good repository of `_good.yaml`: its ``files`` come in the place of those there, null takes one
away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from homeprod.apps.lint import lint
from homeprod.core.tree import File, Kind, Tree

CASES = Path(__file__).parents[2] / "cases" / "apps"
GOOD: dict[str, Any] = yaml.safe_load((CASES / "_good.yaml").read_text(encoding="utf-8"))


def make_tree(files: dict[str, Any]) -> Tree:
    """A text is a file; ``link: TARGET``, ``submodule: true``, ``large: true`` and ``hex: …`` are what they say."""
    return Tree({path: _make_file(value) for path, value in files.items() if value is not None})


def _make_file(value: Any) -> File:
    if isinstance(value, str):
        return File(Kind.FILE, value.encode())
    if "link" in value:
        return File(Kind.LINK, value["link"].encode())
    if "hex" in value:
        return File(Kind.FILE, bytes.fromhex(value["hex"]))
    return File(Kind.SUBMODULE, None) if "submodule" in value else File(Kind.FILE, None)


@pytest.mark.parametrize("case", sorted(CASES.glob("[!_]*.yaml")), ids=lambda file: file.stem)
def test_a_repository_gives_exactly_these_findings(case: Path) -> None:
    data = yaml.safe_load(case.read_text(encoding="utf-8"))
    files = data["files"] if data.get("is_whole") else {**GOOD["files"], **data.get("files", {})}
    published = {branch: make_tree(content) for branch, content in data.get("published", {}).items()}
    machines = data.get("machines")
    kept = None if machines is None else {name: frozenset(keepers) for name, keepers in machines.items()}

    sheet = lint(make_tree(files), published, kept).sheet

    assert [str(mistake) for mistake in sheet.mistakes] == data.get("expected", [])
    assert [str(note) for note in sheet.notes] == data.get("notes", [])
    for mistake, words in zip(sheet.mistakes, data.get("hints", [""] * len(sheet.mistakes)), strict=True):
        assert words in mistake.hint


def test_the_good_one_is_good() -> None:
    sheet = lint(make_tree(GOOD["files"]), {}, {"box": frozenset({"harbormaster"})}).sheet
    assert (sheet.mistakes, sheet.notes) == ([], [])
