"""pyproject.toml says what the code imports, no more and no less; the lock file names no package index."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


BASE = _names(PROJECT["dependencies"])
LAB, CONTROL, NOTICES = (_names(PROJECT["optional-dependencies"][name]) for name in ("lab", "control", "notices"))
ROOMS = {"lab": ("lab",), "control": ("ansible", "control", "web"), "notices": ("notices",)}
"""The rooms that an extra is for."""


def _imported(extra: str = "") -> set[str]:
    """Distributions that the rooms of an extra import, or all others do."""
    package = ROOT / "src" / "homeprod"
    apart = {room: name for name, rooms in ROOMS.items() for room in rooms}
    files = [file for file in package.rglob("*.py") if apart.get(file.relative_to(package).parts[0], "") == extra]
    modules = {name for file in files for name in _find_imports(ast.parse(file.read_text(encoding="utf-8")))}
    outside = modules - sys.stdlib_module_names - {"homeprod", "modules"}
    installed = packages_distributions()
    return {canonicalize_name(installed[module][0]) for module in outside}


def _find_imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_what_is_imported_without_an_extra_is_required() -> None:
    assert _imported() - BASE == set()


def test_what_a_room_imports_is_required_by_its_extra() -> None:
    assert _imported("lab") - BASE - LAB == set()
    assert _imported("control") - BASE - CONTROL == set()
    assert _imported("notices") - BASE - NOTICES == set()


@pytest.mark.slow
def test_nothing_is_required_that_nobody_imports() -> None:
    assert BASE - _imported() == set()
    assert LAB - _imported("lab") == set()
    assert NOTICES - _imported("notices") == set()


def test_the_lock_file_pins_everything_and_names_no_index() -> None:
    lines = (ROOT / "setup" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {
        canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line and not line.startswith(" ")
    }
    assert pinned >= BASE | LAB | CONTROL | NOTICES
    assert not [line for line in lines if "://" in line or line.strip().startswith(("-i", "--index", "--find"))]
    entries = "\n".join(lines).replace("\\\n", "").splitlines()
    assert all("--hash=sha256:" in line for line in entries if "==" in line)
