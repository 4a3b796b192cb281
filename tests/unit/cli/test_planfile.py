"""Plan files as somebody might have made or changed them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.plan.pegasus import SITE, actual, plan, redeclare

from homeprod.cli.planfile import check_fresh, read_plan_file, write_plan_file
from homeprod.core.errors import StalePlanError, UsageError
from homeprod.site.people import Person

OPTIONS = argparse.Namespace(only=["lab-coder"], start=False)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    write_plan_file(file, SITE, plan(actual({}, ())), OPTIONS)
    return file


def _set(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content.update(values)


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another field": _set(extra=1),
    "basis of another kind": _set(basis=[]),
    "changes of another kind": _set(changes=[1]),
    "start that is no boolean": _set(start="no"),
    "only that is no list": _set(only="lab-coder"),
    "a change without an address": lambda content: content["changes"][0].pop("address"),
    "a nonce with lines of its own": lambda content: content["instances"].update(
        {"vm/lab-coder": "x\nhomeprod-site: other"}
    ),
    "a field that is missing": lambda content: content.pop("instances"),
}


@pytest.mark.parametrize("spoil", TAMPERED.values(), ids=TAMPERED)
def test_what_homeprod_would_not_write_is_refused(kept: Path, spoil: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(kept.read_text())
    spoil(content)
    kept.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="is no plan of homeprod"):
        read_plan_file(kept, SITE)


def test_files_that_are_no_text_of_ours(tmp_path: Path) -> None:
    for name, content in (("deep", b"[" * 200_000), ("bytes", b"\xff\xfe"), ("null", b"null")):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(UsageError):
            read_plan_file(file, SITE)
    for file in (Path("/dev/zero"), tmp_path, tmp_path / "nosuch"):
        with pytest.raises(UsageError):
            read_plan_file(file, SITE)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    with file.open("wb") as content:
        content.truncate(2**40)
    with pytest.raises(UsageError):
        read_plan_file(file, SITE)


def test_a_machine_to_be_made_that_the_site_now_wants_otherwise_is_stale(kept: Path) -> None:
    """A creation has no differences to compare: what would be made must be the same too."""
    made = read_plan_file(kept, SITE)
    you = Person(name="you", keys=("ssh-ed25519 AAAA you",))
    instances = dict(made.instances)

    def name(address: object) -> str:
        return instances[str(address)]

    check_fresh(made, SITE, plan(actual({}, ()), new_instance=name))
    for change in ({"memory": 2**32}, {"people": (you,)}, {"note": "other"}, {"started": False}):
        site = redeclare("lab-coder", **change)
        with pytest.raises(StalePlanError, match="vm/lab-coder"):
            check_fresh(made, site, plan(actual({}, ()), site, new_instance=name))
