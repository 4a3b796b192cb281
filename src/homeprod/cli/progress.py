"""How an apply goes, line by line: when, what, and each task's own words."""

from __future__ import annotations

import re
import threading
import time
from types import TracebackType

from homeprod.cli import render
from homeprod.core.address import Address
from homeprod.engine.event import Event, Stage

_NO_NEWS = ("", "TASK OK")
_REPEATED = re.compile(r"\d")
QUIET = 10.0
"""Seconds between two lines that differ in their numbers only (``transferred 1.2 GiB …``)."""
LONGEST = 200
"""Characters of a line: a note that is written comes with all its lines."""
HEARTBEAT = 30.0
"""Seconds of silence after which it says what is still under way."""

_WORDS = {
    Stage.DONE: ("done", "green"),
    Stage.FAILED: ("failed", "red"),
    Stage.SKIPPED: ("not begun", "yellow"),
    Stage.CUT_OFF: ("cut off", "yellow"),
}


class Progress:
    """A context manager; ``show`` is an engine listener. It says so when ``is_stopping`` is set. Times are since
    ``began`` (of the monotonic clock), where it is part of something longer."""

    def __init__(self, count: int, is_stopping: threading.Event, began: float | None = None) -> None:
        self._is_stopping, self._has_said_so = is_stopping, False
        self._count = count
        self._ended = 0
        self._began = time.monotonic() if began is None else began
        self._last: dict[Address, tuple[str, float]] = {}
        self._active: dict[Address, str] = {}
        self._spoke = time.monotonic()
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._heart.join(1)

    def show(self, event: Event) -> None:
        with self._lock:
            if event.stage is Stage.SAID:
                if self._is_news(event):
                    self._say(event.address, " ".join(event.text.split())[:LONGEST])
                return
            if event.stage is Stage.BEGUN:
                self._active[event.address] = event.action
                self._say(event.address, f"{event.action} ({event.text})" if event.text else event.action)
                return
            self._active.pop(event.address, None)
            self._ended += 1
            word, colour = _WORDS.get(event.stage, ("not finished", "yellow"))
            text = f": {event.text.splitlines()[0].partition(';')[0]}" if event.text else ""
            done = f"{event.action} {render.paint_talk(word, colour)}"
            self._say(event.address, f"{done}{text}  [{self._ended}/{self._count}]")

    def _is_news(self, event: Event) -> bool:
        shape = _REPEATED.sub("", event.text)
        before, when = self._last.get(event.address, ("", 0.0))
        if event.text.strip() in _NO_NEWS or (shape == before and time.monotonic() - when < QUIET):
            return False
        self._last[event.address] = (shape, time.monotonic())
        return True

    def _say(self, whom: object, text: str) -> None:
        self._spoke = time.monotonic()
        passed = int(self._spoke - self._began)
        render.say(f"{passed // 60:02}:{passed % 60:02} {whom}  {text}")

    def _beat(self) -> None:
        while not self._is_over.wait(1):
            with self._lock:
                if self._is_stopping.is_set() and not self._has_said_so:
                    self._has_said_so = True
                    render.say("stopping: nothing new begins, what is under way is waited for; again leaves at once")
                if self._active and time.monotonic() - self._spoke >= HEARTBEAT:
                    self._say("still under way", ", ".join(active.name for active in self._active))
