"""Killed (-9) at any moment it leaves nothing open and nothing lost. HOMEPROD_KEYHOLDER_KILLS says how often."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import suppress

import pytest
from tests.keyholder_node import PASSPHRASE, Disk, KeyholderNode, ask

from homeprod.control.keyholder.client import KeyholderClient
from homeprod.control.keyholder.errors import KeyholderError

KILLS = int(os.environ.get("HOMEPROD_KEYHOLDER_KILLS", "4"))
VERBS = (("unlock", {}), ("rotate", {"what": "all", "step": "begin"}), ("lock", {}))


def live(client: KeyholderClient) -> None:
    """Through its states, until it is killed."""
    with suppress(KeyholderError):
        for verb, options in VERBS:
            ask(client, verb, passphrase=PASSPHRASE, **options)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_any_moment_leaves_nothing_open_and_nothing_lost(
    node: KeyholderNode, disk: Disk, number: int
) -> None:
    moments = random.Random(number)  # noqa: S311 (the same moments every time)
    node.start()
    living = threading.Thread(
        target=live, args=[KeyholderClient(node.places.keyholder_socket, patience=0)], daemon=True
    )
    living.start()
    time.sleep(moments.uniform(0, 0.5))
    assert node.process is not None
    node.process.kill()
    node.wait()
    living.join(60)
    assert not living.is_alive()
    node.await_no_agents()
    assert node.start().state() == "Locked"
    public = node.ask("unlock", passphrase=PASSPHRASE).fields["public"]
    assert public["environments"]["lab"] == disk.public["environments"]["lab"]
    assert disk.public["fingerprints"]["ansible-lab"] in node.read_agent("lab")
