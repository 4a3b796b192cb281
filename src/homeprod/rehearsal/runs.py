"""Runs of the stand-ins' control node: asked for, waited for, and what they said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from homeprod.core.errors import ControlError, HomeprodError, UnreachableError

PATIENCE, STATE_PATIENCE = 2400.0, 1200.0
"""Seconds for a run, with its wait for others, and for a state of the node; machines may be emulated."""
LOOK_EVERY = 3.0
"""Seconds between two looks, each of which is work for the node."""
HEARTBEAT = 30.0
"""Seconds of silence after which it is said what is waited for."""
_KNOCK_EVERY = 65.0
"""Seconds; the node fetches once a minute for it."""
_FINAL = ("successful", "failed", "canceled", "timeout", "late")


class Door(Protocol):
    """The control node's, as :class:`homeprod.drivers.doorbell.Doorbell` is. Raises ControlError."""

    def get(self, path: str) -> dict[str, Any]: ...
    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]: ...
    def knock(self) -> None: ...
    def follow(self, path: str) -> Iterator[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class RunSeen:
    """How a run ended. ``changed`` counts tasks that changed something, or in a check would have; ``tasks`` names
    them, as far as they were told, each once."""

    status: str
    problem: str = ""
    changed: int = 0
    tasks: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.status == "successful"


@dataclass(frozen=True, slots=True)
class Runs:
    """``say`` hears what is waited for. Every method raises ControlError where the node does not answer, or a run
    does not end."""

    door: Door
    say: Callable[[str], None]
    patience: float = PATIENCE
    look_every: float = LOOK_EVERY
    fetch_seconds: float = 10.0
    """After a knock, until the host is asked about."""

    def ask_again(self, host: str) -> int:
        """A run of a host that the node knows, whatever became of its last one; the run's number."""
        return int(self.door.post(f"/api/hosts/{host}/retry")["run"])

    def await_run(self, number: int, what: str) -> RunSeen:
        self._until(lambda: self._find_end(number), what)
        return self._read(number)

    def await_check(self, host: str, revision: str, what: str) -> RunSeen | None:
        """The end of a check at ``revision``; None where the node does not ask the host, which has to be configured
        first. It asks after what it has fetched, so it is told first that something was pushed, and both again
        until it has."""
        if not self.is_fit(host):
            return None
        knocked, asked = 0.0, True

        def find() -> int | None:
            nonlocal knocked, asked
            now = time.monotonic()
            if now - knocked > _KNOCK_EVERY:
                self.door.knock()
                knocked, asked = now, False
            elif not asked and now - knocked > self.fetch_seconds:
                self.door.post(f"/api/hosts/{host}/check")
                asked = True
            return self._find_check(host, revision)

        return self._read(self._until(find, what))

    def is_fit(self, host: str) -> bool:
        """Whether it is configured as it is now, by a run that was successful."""
        told = self.door.get("/api/hosts")["hosts"]
        known = next((one for one in told if one["name"] == host), None)
        if known is None or known["state"] not in ("idle", "failed"):
            return False
        applied = known["applied"]
        return bool(applied["revision"]) and applied["instance"] == known["wanted"]["instance"]

    def _find_end(self, number: int) -> int | None:
        run = self.door.get(f"/api/runs/{number}")["run"]
        return number if run["status"] in _FINAL else None

    def _find_check(self, host: str, revision: str) -> int | None:
        """A check that was ended for another run is none; the node asks once more."""
        runs = self.door.get(f"/api/runs?limit=20&host={host}&kind=check")["runs"]
        for run in runs:
            if run["revision"] == revision and run["status"] in _FINAL and run["status"] != "canceled":
                return int(run["id"])
        return None

    def _until(self, find: Callable[[], int | None], what: str) -> int:
        """Raises ControlError where it takes too long. One look that fails is no reason to give up."""
        began, told, misses = time.monotonic(), 0.0, 0
        while True:
            try:
                found, misses = find(), 0
            except UnreachableError:
                found, misses = None, misses + 1
                if misses > 5:
                    raise
            if found is not None:
                return found
            passed = time.monotonic() - began
            if passed > self.patience:
                raise ControlError(f"{what}: no end of it within {self.patience:.0f} s")
            if passed - told > HEARTBEAT:
                told = passed
                self.say(f"{what}: still under way, {passed:.0f} s")
            time.sleep(self.look_every)

    def _read(self, number: int) -> RunSeen:
        changed, tasks, end = 0, dict[str, None](), dict[str, Any]()
        for event in self.door.follow(f"/api/runs/{number}/events"):
            if "end" in event:
                end = event["end"]
            elif "change" in event:
                tasks[_name(event["change"])] = None
            elif "stats" in event:
                changed = max(changed, int(event["stats"].get("changed", 0)))
            elif event.get("event", {}).get("kind") == "ok" and event["event"].get("changed"):
                tasks[_name(event["event"])] = None
        run = end or self.door.get(f"/api/runs/{number}")["run"]
        return RunSeen(run["status"], str(run.get("problem", "")), max(changed, len(tasks)), tuple(tasks))


def _name(told: dict[str, Any]) -> str:
    role, task = str(told.get("role", "")), str(told.get("task", "")) or "a task without a name"
    return f"{role} : {task}" if role and not task.startswith(f"{role} : ") else task


def await_state(read: Callable[[], str], wanted: tuple[str, ...], say: Callable[[str], None]) -> str:
    """Until the node is in one of these states. Raises ControlError."""
    deadline, told = time.monotonic() + STATE_PATIENCE, ""
    while True:
        try:
            state = read()
        except HomeprodError as error:  # it is booting still
            state = error.message
        if state in wanted:
            return state
        if time.monotonic() > deadline:
            raise ControlError(f"the stand-in of the control node is not {' or '.join(wanted)}: {state}")
        if state != told:
            say(f"waiting for the control node: {state}")
            told = state
        time.sleep(LOOK_EVERY)
