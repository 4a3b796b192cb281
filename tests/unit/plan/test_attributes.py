"""The table of attributes: complete, the only place that decides an effect, and the reference page made from it."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest
from tests.unit.plan.pegasus import CODER, DESIRED, KEYS, MACHINES, make

from homeprod.plan.attributes import ATTRIBUTES, Attribute, find_effect
from homeprod.plan.change import Effect

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_would_be_generated() -> None:
    script = ROOT / "docs" / "generate" / "attributes.py"
    page = (ROOT / "docs" / "reference" / "attributes.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(script))["render_page"](), "run make docs"


def test_every_key_that_is_written_has_a_row() -> None:
    rows = {(row.resource, row.name) for row in ATTRIBUTES}
    assert len(rows) == len(ATTRIBUTES)
    for machine in DESIRED.values():
        names = {*machine.config, *machine.forces}
        assert {(machine.address.kind, name) for name in names} <= rows


def test_nothing_else_decides_an_effect() -> None:
    deciding = set()
    for file in (ROOT / "src" / "homeprod").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Effect":
                deciding.add(file.relative_to(ROOT / "src" / "homeprod" / "plan").as_posix())
    assert deciding == {"attributes.py", "change.py"}


@pytest.mark.parametrize("row", ATTRIBUTES, ids=lambda row: f"{row.resource} {row.name}")
def test_a_row_is_what_the_planner_goes_by(row: Attribute) -> None:
    desired = DESIRED[KEYS if row.resource == "data-vm" else CODER]
    running, stopped = make(desired, "running"), make(desired, "stopped")
    if row.resource == "data-vm":  # it never runs
        running = MACHINES[DESIRED[CODER].vmid]
    assert find_effect(row.resource, row.name, running) is row.running
    assert find_effect(row.resource, row.name, stopped) is row.stopped
    for hotplug, plugged in (("0", []), ("usb", []), ("network,disk", ["network", "disk"]), ("disk", ["disk"])):
        found = make(DESIRED[CODER], "running", hotplug=hotplug)
        waits = bool(row.plugs) and row.plugs not in plugged
        assert find_effect(row.resource, row.name, found) is (Effect.COLD_START if waits else row.running)


def test_a_stopped_machine_waits_for_nothing() -> None:
    assert [row for row in ATTRIBUTES if row.stopped is Effect.COLD_START] == []
