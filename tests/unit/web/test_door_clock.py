"""A node whose wall clock jumped: rings outside of its window are refused in words, and nothing of them is kept.

All is well again once the clock is.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
from tests.door import HOST_KEY, OpenDoor, make_id, make_wish

from homeprod.core.errors import ControlError
from homeprod.web import door as doors
from homeprod.web.server import make_server

HOUR, YEAR = 3600, 365 * 86_400
_wall = time.time


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-10 * YEAR, r"its clock is 3153[56]\d{4} s behind this machine's"),
        (-3 * HOUR, r"its clock is 10[78]\d\d s behind this machine's"),
        (3 * HOUR, r"its clock is 10[78]\d\d s ahead of this machine's"),
        (10 * YEAR, r"its clock is 3153[56]\d{4} s ahead of this machine's"),
    ],
)
def test_a_jump_refuses_rings_in_words_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, words: str
) -> None:
    jumped = [0]
    # Only the node's clock jumps: whoever rings has signed by their own.
    monkeypatch.setattr(doors, "make_server", partial(make_server, now=lambda: _wall() + jumped[0]))
    monkeypatch.setattr("aiohttp.helpers.time.time", lambda: _wall() + jumped[0])
    with OpenDoor(tmp_path) as door:
        bell = door.make_bell(now=_wall)
        again = make_id()
        assert bell.ring("lab-proxy", "i1", (HOST_KEY,)).run == 1
        assert door.ring(make_wish(), message_id=again, at=round(_wall() - time.time())).body["run"] == 1
        jumped[0] = seconds
        for call in (lambda: bell.ring("lab-proxy", "i2", (HOST_KEY,)), lambda: bell.get("/api/hosts")):
            with pytest.raises(
                ControlError, match="the control node does not accept the signature: " + words
            ) as said:
                call()
            assert said.value.hint
        assert bell.status()["state"] == "Ready"
        assert door.wait_for(door.node.ledger.host("lab-proxy")).wanted_instance == "4001020-abc"
        jumped[0] = 0
        assert bell.ring("lab-proxy", "i2", (HOST_KEY,)).run == 1
        assert door.wait_for(door.node.ledger.host("lab-proxy")).wanted_instance == "i2"
        heard = door.ring(make_wish(), message_id=again, at=round(_wall() - time.time()))
        assert (heard.status, heard.body) == (202, {"run": 1, "is_new": False}), "it is known as the same ring still"
        assert door.wait_for(door.node.ledger.host("lab-proxy")).wanted_instance == "i2"
