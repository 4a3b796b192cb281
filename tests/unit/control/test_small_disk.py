"""Real disks, really full, while the node fetches and while it runs: each is said, and with room all goes on.

The ledger's and the keyring's own full disks, one failing write after the other, stand in their folders.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.control.full_disk import tell_on_full_disks

pytestmark = pytest.mark.slow

mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")


@mounts
def test_a_boot_disk_that_is_full_at_any_write_of_a_fetch_is_said_and_mends_itself(tmp_path: Path) -> None:
    told = tell_on_full_disks("fetch", tmp_path, list(range(4, 420, 8)))
    words = (
        "repository: cannot be kept: the control node's disk takes no more | see how full it is, and free some room"
    )
    refused = [one["full"] for one in told if not one["full"].startswith("fetched ")]
    assert len(refused) > 40, told
    assert all(words in text for text in refused), refused
    assert {text.split()[0] for text in refused} == {"playbook", "vault"}
    assert {one["free"].split()[0] for one in told} == {"fetched"}, "what was left half done is in nobody's way"


@mounts
@pytest.mark.timeout(120)
def test_a_run_whose_memory_is_full_is_said_and_the_next_one_goes_on(tmp_path: Path) -> None:
    told = tell_on_full_disks("play", tmp_path, [4, 64, 512])
    words = "failed: the run's files cannot be kept on the control node: No space left on device"
    assert [(one["full"], one["free"]) for one in told] == [(words, "successful: ")] * 3


@mounts
@pytest.mark.timeout(120)
def test_facts_that_a_full_disk_cut_off_are_gathered_anew(tmp_path: Path) -> None:
    told = tell_on_full_disks("gather", tmp_path, [4, 16])
    words = "failed: the facts that were kept of a host were damaged; they are gathered anew at the next try"
    assert told[0] == {"full": "successful: ", "free": f"{words}; successful: "}
    assert {one["free"].rpartition("; ")[2] for one in told} == {"successful: "}
