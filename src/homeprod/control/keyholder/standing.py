"""Standing: the node's state, since when, and who wants to hear of its changes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from homeprod.control.keyholder.sealed.public import write_file
from homeprod.control.places import Places
from homeprod.control.state import NodeEvent, NodeState, move

_WAITING = {
    NodeState.NEW: "for a person to bootstrap it",
    NodeState.LOCKED: "for a person to unlock it",
}


class Standing:
    """Changed by :meth:`move` alone."""

    def __init__(self, state: NodeState) -> None:
        self.state = state
        self.since = int(time.time())
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> str:
        """What the node waits for; empty where for nothing."""
        return _WAITING.get(self.state, "")

    def move(self, event: NodeEvent) -> None:
        """Raises ControlError where the table has no such move; nothing is changed then."""
        self.state = move(self.state, event)
        self.since = int(time.time())
        self._changed.set()
        self._changed = asyncio.Event()

    def find_next_change(self) -> asyncio.Event:
        """Set at the next one. Fetched before the state is looked at, no change is missed between the two."""
        return self._changed


def find_machine_file(places: Places) -> Path:
    """It says which machine has taken the persistent disk: systemd's machine id, which is on its boot disk."""
    return places.persistent / "machine"


def find_state(places: Places, has_keyring: bool, machine: str) -> NodeState:
    """After a start. A machine that was made again is New, though the keyring is there: a person takes it over."""
    file = find_machine_file(places)
    is_known = file.exists() and file.read_bytes().strip() == machine.encode()  # damaged, it need not be text
    return NodeState.LOCKED if has_keyring and is_known else NodeState.NEW


def mark_machine(places: Places, machine: str) -> None:
    """Raises ControlError."""
    write_file(find_machine_file(places), machine + "\n")
