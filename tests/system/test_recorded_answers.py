"""The lab, asked what Proxmox's own code was asked, gives the same answers.

Every difference stands in ``tests/cases/recorded_differences.json`` with its reason. That list may only shrink: a
difference that is not listed fails, and so does a listed one that is gone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.recorded_replay import find_vectors, read_rows, replay

LISTED: dict[str, str] = json.loads((Path(__file__).parents[1] / "cases" / "recorded_differences.json").read_text())
RUNS = ("main-9", "main-8", "front-9", "x-9", "y-9")


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_recorded_answers(run: str, figure: Figure) -> None:
    folder = find_vectors()
    if folder is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-http.jsonl")
    outcome = replay(run, read_rows(folder)[run])
    counts = f"{len(outcome.agreeing)} agree, {len(outcome.differing)} differ, {len(outcome.not_ours)} not ours"
    figure(f"recorded answers, {run}: {counts}")
    unlisted = {key: found.what for key, found in outcome.differing.items() if key not in LISTED}
    assert not unlisted, json.dumps(unlisted, indent=1)
    gone = [key for key in LISTED if key.startswith(f"{run} ") and key not in outcome.differing]
    assert not gone, f"these agree now: take them off the list: {gone}"


def test_listed_differences_have_reasons() -> None:
    assert all(reason.strip() and key.split(" ")[0] in RUNS for key, reason in LISTED.items())
