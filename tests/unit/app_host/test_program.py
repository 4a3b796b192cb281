"""The program as it is delivered: for machines that are not ours, and the same bytes from the same files."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from tests.docker_machine import HARBORMASTER, ROLE

from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.program import build_program

SOURCES = sorted((ROLE / "files" / "homeprod_apps").glob("*.py"))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_it_needs_nothing_but_python_3_10_and_yaml(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 10))
    plain = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    named = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    outside = {name.partition(".")[0] for name in (*plain, *named)} - sys.stdlib_module_names
    assert outside <= {"yaml"}


def test_the_same_files_make_the_same_bytes() -> None:
    one, two = (build_program("docker_harbormaster.cli:cli", {}, HARBORMASTER) for _ in range(2))
    assert one == two
    assert one.startswith(b"#!/usr/bin/python3 -I\n")


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(LookupError, match="no-such-thing"):
        build_program("a:b", {}, ("no-such-thing",))
