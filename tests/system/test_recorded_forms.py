"""Our parsers and printers agree with every recorded line of Proxmox's own code about a form that we use.

Differences stand in ``tests/cases/forms_differences.json`` with their reasons, and that list may only shrink. Areas
that are not ours stand in ``tests/cases/forms_not_ours.json`` with theirs.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.recorded_forms import Line, compare, find_reader, read_lines
from tests.recorded_replay import find_vectors

CASES = Path(__file__).parents[1] / "cases"
LISTED: dict[str, str] = json.loads((CASES / "forms_differences.json").read_text())
NOT_OURS: dict[str, str] = json.loads((CASES / "forms_not_ours.json").read_text())


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    folder = find_vectors()
    if folder is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-forms.jsonl")
    return list(read_lines(folder / "proxmox-forms.jsonl"))


def test_recorded_forms(lines: list[Line], figure: Figure) -> None:
    counts: Counter[str] = Counter()
    differing: dict[str, str] = {}
    for line in lines:
        reader = find_reader(line.area)
        if reader is None:
            counts["not ours"] += 1
            continue
        difference = compare(line, reader)
        counts["differ" if difference else "agree"] += 1
        if difference:
            differing[line.key] = difference
    figure(f"recorded forms: {counts['agree']} agree, {counts['differ']} differ, {counts['not ours']} not ours")
    unlisted = {key: found for key, found in differing.items() if key not in LISTED}
    assert not unlisted, json.dumps(unlisted, indent=1)
    gone = LISTED.keys() - differing.keys()
    assert not gone, f"these agree now: take them off the list: {sorted(gone)}"
    assert counts["agree"] > 500


def test_areas_that_are_not_ours_have_a_reason(lines: list[Line]) -> None:
    not_read = {line.area for line in lines if find_reader(line.area) is None}
    unexplained = {area for area in not_read if not any(area.startswith(start) for start in NOT_OURS)}
    assert not unexplained
    idle = {start for start in NOT_OURS if not any(area.startswith(start) for area in not_read)}
    assert not idle
    assert all(reason.strip() for reason in (*LISTED.values(), *NOT_OURS.values()))
