"""Logbook: what a drill did, phase by phase and machine by machine, how long each took, and what is not as it must
be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from homeprod.cli import render
from homeprod.cli.schema.drill import AskedEntry, KeptEntry, PhaseEntry, PhaseName, TroubleEntry
from homeprod.core.errors import HomeprodError
from homeprod.engine.event import Event, Listener, Stage

PHASES: tuple[PhaseName, ...] = ("look", "destroy", "create", "unlock", "configure", "serve", "compare")


class StoppedError(Exception):
    """The drill cannot go on; the logbook has why."""


@dataclass
class Logbook:
    """Times by the monotonic clock. ``left_out`` says why of a phase; ``before`` and ``after`` are instances by the
    machine's name, the seconds of each step are by it too."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[PhaseName, float] = field(default_factory=dict)
    left_out: dict[PhaseName, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    destroyed: dict[str, float] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    configured: dict[str, float] = field(default_factory=dict)
    disks: list[KeptEntry] = field(default_factory=list)
    keys: dict[str, bool] = field(default_factory=dict)
    asked: list[AskedEntry] = field(default_factory=list)
    problems: list[TroubleEntry] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    current: PhaseName = "look"

    @contextmanager
    def phase(self, name: PhaseName, words: str = "") -> Iterator[None]:
        """One that is entered again goes on counting. An error in it is a problem of the drill, which then stops."""
        self.current = name
        passed = int(time.monotonic() - self.began)
        render.say(f"\n== {name}{': ' + words if words else ''}  [{passed // 60}:{passed % 60:02}]")
        with self.count(name):
            try:
                yield
            except HomeprodError as error:
                self.fail(error.where, error.message, error.hint)
                raise StoppedError from error

    @contextmanager
    def count(self, name: PhaseName) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start

    def note(self, where: str, what: str, hint: str = "") -> None:
        """A problem of this phase that was told already."""
        self.problems.append(TroubleEntry(phase=self.current, where=where, what=what, hint=render.advise(hint)))

    def fail(self, where: str, what: str, hint: str = "") -> None:
        """A problem of this phase; a person is told of it now."""
        self.note(where, what, hint)
        render.print_error(HomeprodError(what, where=where, hint=hint))

    def stop_if_failed(self) -> None:
        """Raises StoppedError."""
        if self.problems:
            raise StoppedError

    def describe_phases(self) -> list[PhaseEntry]:
        return [self._describe(name) for name in PHASES]

    def _describe(self, name: PhaseName) -> PhaseEntry:
        problem = next((one for one in self.problems if one.phase == name), None)
        seconds = round(self.seconds[name], 1) if name in self.seconds else None
        if problem is not None:
            where = f"{problem.where}: " if problem.where else ""
            return PhaseEntry(name=name, state="failed", seconds=seconds, why=f"{where}{problem.what}")
        if name in self.left_out:
            return PhaseEntry(name=name, state="left out", seconds=None, why=self.left_out[name])
        return PhaseEntry(name=name, state="done" if seconds is not None else "not begun", seconds=seconds, why="")


def time_machines(into: dict[str, float]) -> Listener:
    """Adds up what each machine's changes took, whatever became of them."""
    begun: dict[str, float] = {}

    def tell(event: Event) -> None:
        name = event.address.name
        if event.address.kind != "vm":
            return
        if event.stage is Stage.BEGUN:
            begun[name] = time.monotonic()
        elif event.stage is not Stage.SAID and name in begun:
            into[name] = into.get(name, 0.0) + time.monotonic() - begun.pop(name)

    return tell
