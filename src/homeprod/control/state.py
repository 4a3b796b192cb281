"""The states of a control node and the moves between them, as a table; no I/O.

The documentation's picture is drawn from the same table (:mod:`homeprod.diagram.states`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from homeprod.core.errors import ControlError


class NodeState(Enum):
    """The value is the word that a person sees."""

    UNCREATED = "Uncreated"
    """There is no machine. Its data disk, and the keyring on it, may be there all the same."""
    NEW = "New"
    """The machine runs, and nobody has bootstrapped it: it holds no secret and answers no ring."""
    LOCKED = "Locked"
    """The keyring is on its disk, sealed; nothing runs, and what is on disk is of no use without a passphrase."""
    READY = "Ready"
    """An administrator has unlocked it: the secrets are in the keyholder's memory, and runs go on."""


class NodeEvent(Enum):
    """The value is the verb that a person says."""

    CREATE = "create"
    BOOTSTRAP = "bootstrap"
    UNLOCK = "unlock"
    LOCK = "lock"
    RESTART = "restart"
    """Of the machine or of the keyholder, by whatever cause: a power cut too."""
    DESTROY = "destroy"


MOVES: Mapping[tuple[NodeState, NodeEvent], NodeState] = MappingProxyType(
    {
        (NodeState.UNCREATED, NodeEvent.CREATE): NodeState.NEW,
        (NodeState.NEW, NodeEvent.BOOTSTRAP): NodeState.LOCKED,
        (NodeState.LOCKED, NodeEvent.UNLOCK): NodeState.READY,
        (NodeState.READY, NodeEvent.LOCK): NodeState.LOCKED,
        (NodeState.READY, NodeEvent.RESTART): NodeState.LOCKED,
        # A restart cannot be refused; where nothing is in memory that could be lost, it changes nothing.
        (NodeState.NEW, NodeEvent.RESTART): NodeState.NEW,
        (NodeState.LOCKED, NodeEvent.RESTART): NodeState.LOCKED,
        (NodeState.NEW, NodeEvent.DESTROY): NodeState.UNCREATED,
        (NodeState.LOCKED, NodeEvent.DESTROY): NodeState.UNCREATED,
        (NodeState.READY, NodeEvent.DESTROY): NodeState.UNCREATED,
    }
)
"""Every move that there is."""


def move(state: NodeState, event: NodeEvent) -> NodeState:
    """The state after ``event``. Raises ControlError where the table has no such move; nothing is changed then."""
    after = MOVES.get((state, event))
    if after is None:
        raise ControlError(
            f"cannot {event.value} a control node that is {state.value}",
            hint=f"nothing was changed; what a node that is {state.value} can do: {', '.join(list_events(state))}",
        )
    return after


def list_events(state: NodeState) -> list[str]:
    """What may happen in a state, as words, in the order of :class:`NodeEvent`."""
    return [event.value for event in NodeEvent if (state, event) in MOVES]
