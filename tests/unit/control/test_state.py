"""The states of a control node: every pair of state and event."""

from __future__ import annotations

import re

import pytest

from homeprod.control.state import MOVES, NodeEvent, NodeState, list_events, move
from homeprod.core.errors import ControlError

LEGAL = """
    Uncreated create New
    New bootstrap Locked | New restart New | New destroy Uncreated
    Locked unlock Ready | Locked restart Locked | Locked destroy Uncreated
    Ready lock Locked | Ready restart Locked | Ready destroy Uncreated
"""
"""Written by hand from the design, apart from the table."""
EXPECTED = {tuple(line.split()[:2]): line.split()[2] for line in re.split(r"[|\n]", LEGAL) if line.strip()}
PAIRS = [(state, event) for state in NodeState for event in NodeEvent]


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda one: one.value)
def test_every_pair(state: NodeState, event: NodeEvent) -> None:
    expected = EXPECTED.get((state.value, event.value))
    if expected:
        assert move(state, event).value == expected
        return
    with pytest.raises(ControlError) as caught:
        move(state, event)
    assert caught.value.message == f"cannot {event.value} a control node that is {state.value}"
    assert caught.value.hint.startswith("nothing was changed")
    assert all(word in caught.value.hint for word in list_events(state))
    assert event.value not in list_events(state)


def test_an_unknown_move_changes_nothing() -> None:
    before = dict(MOVES)
    for state, event in PAIRS:
        if (state, event) not in MOVES:
            with pytest.raises(ControlError):
                move(state, event)
    assert dict(MOVES) == before
    with pytest.raises(TypeError):
        MOVES[NodeState.NEW, NodeEvent.UNLOCK] = NodeState.READY  # type: ignore[index]


def test_every_state_can_be_left_and_come_to() -> None:
    assert set(MOVES.values()) == set(NodeState)
    assert {before for before, _ in MOVES} == set(NodeState)
