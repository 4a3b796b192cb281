"""A drill of all of pegasus, booted: its data disks hold afterwards what they held before, and the site serves.

After `make demo` whole, with every machine made. ``HOMEPROD_DEMO_STATE`` names the state folder of a demo that is up,
so that the drill alone can be tried again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Figure
from tests.guest_tree import script_listing, script_writing
from tests.manifest import digest_disk
from tests.reference_schema import open_validator

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples"))

from demo.control import wait_for_runs  # noqa: E402  (the demo is no package of ours)
from demo.machine import ADMINISTRATOR, NODE, REST  # noqa: E402
from demo.person import Person  # noqa: E402
from demo.stage import LAB, PROGRAM, Stage  # noqa: E402
from demo.wayin import open_gateway  # noqa: E402

from homeprod.lab.folder import find_folder  # noqa: E402

pytestmark = [pytest.mark.guest, pytest.mark.soak, pytest.mark.timeout(3500)]
NAME = "demo.lab.pegasuspad.com"
KEPT = "/var/lib/ansible/drill"
"""On lab-ansible's data disk."""
UNUSED = "vm-94000001-disk-0.raw"
"""The data disk of prod-ansible, which is declared stopped."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if given := os.environ.get("HOMEPROD_DEMO_STATE"):
        yield Path(given)
        return
    home = tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if name != "HOMEPROD_BUNDLE"}
    env["XDG_STATE_HOME"] = str(home)
    try:
        subprocess.run((sys.executable, str(ROOT / "examples" / "demo")), check=True, timeout=2400, env=env)
        yield home
    finally:
        subprocess.run((str(PROGRAM), "lab", "down", LAB, "--disks"), check=False, timeout=600, env=env)


def test_all_of_pegasus_comes_back(home: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    monkeypatch.delenv("HOMEPROD_BUNDLE", raising=False)
    stage = Stage(0.0, boots=True)
    stage.apply()
    wait_for_runs(stage, REST)
    open_gateway(stage)
    expect_the_demo_alone(stage)
    stage.read_in(NODE, ADMINISTRATOR, "sudo sh -eu", given=script_writing(KEPT))
    before = look_at_disks(stage)
    told = drill(stage, "--all")
    open_validator("drill").validate(told)
    assert (told["verdict"], told["problems"]) == ("proven", []), told
    assert {one["problem"] for one in told["disks"]} == {""}
    assert told["keys"] == {NODE: True}
    assert all(one["before"] != one["after"] for one in told["machines"])
    assert len(told["machines"]) == 6
    assert look_at_disks(stage) == before
    figure(told["row"])


def look_at_disks(stage: Stage) -> tuple[str, int, str]:
    """The file system of the one, with what was written there: paths, modes, owners, sizes, links, SHA-256; of the
    other which file it is, and its bytes."""
    [file] = find_folder(LAB).path.rglob(UNUSED)
    there = stage.read_in(NODE, ADMINISTRATOR, "sudo sh -eu", given=script_listing(KEPT))
    assert there.count("deep/er/large") == 2, there
    return there, file.stat().st_ino, digest_disk(file)


def expect_the_demo_alone(stage: Stage) -> None:
    """The other names lead to machines and apps that this demo has not."""
    file = stage.site / "modules" / "_entry.py"
    kept = (
        "expectations=(\n"
        f'    Expectation("https://{NAME}/", reaches="demo"),\n'
        f'    Expectation("https://{NAME}/", reaches="demo", from_="lan"),\n'
        f'    Expectation("http://{NAME}/", reaches=None, status=308),\n'
        '    Expectation("https://unknown.example/", reaches=None, status=421),\n'
        "),\n)\n"
    )
    file.write_text(re.sub(r"expectations=\(.*\Z", lambda _: kept, file.read_text(), flags=re.DOTALL))
    stage.homeprod("route", "test", "--live")


def drill(stage: Stage, *words: str) -> dict[str, Any]:
    """The person reads what it says, and does it."""
    person = Person(stage, find_folder(LAB).keys)
    todo = {"bootstrap": person.bootstrap, "unlock": person.unlock}
    argv = [str(PROGRAM), "--site", str(stage.site), "--lab", LAB, "drill", "rebuild", *words, "--yes", "--trust"]
    argv += ["--json", "--wait-limit", "1800", "--wait", "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        try:
            for line in program.stderr:
                sys.stdout.write(line)
                word = line.rpartition(f"{NODE} ")[2].strip()
                if line.startswith("  homeprod lab ssh -t ") and word in todo:
                    todo.pop(word)()
            return dict(json.loads(program.stdout.read()))
        finally:
            program.terminate()
