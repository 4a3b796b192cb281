"""Carries what happens from Ansible's thread to the daemon, redacted on the way.

Ansible is never held up: where the daemon is slow, tellings wait in a queue; where that is full they are dropped,
counted, and the count is told.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from homeprod.control.runs.appsword import find_word
from homeprod.control.runs.change import HIDDEN, ChangeWatch
from homeprod.control.runs.difference import render_difference
from homeprod.control.runs.problem import Problem
from homeprod.control.runs.redaction import Redaction
from homeprod.control.runs.telling import tell
from homeprod.control.trouble import tell_trouble
from homeprod.core.errors import ControlError

_MOST_WAITING = 5000
MOST_TEXT = 8000
"""Characters of one text that is kept."""
_WITHHELD = ("message", "text")
_WITHHELD_WORD = "(withheld)"


class Reporter:
    """``load`` reads the secrets; it runs beside Ansible's start, and nothing is told before it is done. Of a check
    ``watch`` finds what would change."""

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        load: Callable[[], set[str]],
        watch: ChangeWatch | None = None,
    ) -> None:
        self._send = send
        self._load = load
        self._watch = watch
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._redaction: Redaction | None = None
        self.vault_problem = ""
        self.problem = Problem()
        self._thread = threading.Thread(target=self._work, name="reporter", daemon=True)
        self._thread.start()

    def handle(self, event: dict[str, Any]) -> bool:
        """ansible-runner's event handler; False, so that it keeps no file of the event."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._dropped += 1
        return False

    def finish(self) -> None:
        """Returns when everything is told."""
        self._events.put(None)
        self._thread.join()

    def redact(self, text: str) -> str:
        """For the last word; after :meth:`finish`."""
        return str(self._redaction.redact(text)) if self._redaction else text

    def _work(self) -> None:
        try:
            self._redaction = Redaction(self._load())
        except ControlError as error:
            self.vault_problem = tell_trouble(error)
        except Exception as error:  # noqa: BLE001 (its words may hold a secret, so they are told to nobody)
            self.vault_problem = f"the vault cannot be read: {type(error).__name__}"
        while (event := self._events.get()) is not None:
            self._tell(event)
            self._tell_change(event)
            self._tell_apps(event)
        if self._dropped:
            self._send({"event": {"kind": "dropped", "message": f"{self._dropped} events came too fast to be kept"}})

    def _tell(self, event: dict[str, Any]) -> None:
        told = tell(event)
        if told is None:
            return
        known = Redaction([]).redact(_withhold(told), MOST_TEXT)
        if self._redaction is not None:
            known = self._redaction.redact(told, MOST_TEXT)
        self.problem.look(known)
        self._send(known)

    def _tell_change(self, event: dict[str, Any]) -> None:
        change = self._watch.look(event) if self._watch is not None else None
        if change is None:
            return
        told = {"task": change.task, "role": change.role, "target": _WITHHELD_WORD, "diff": _WITHHELD_WORD}
        if (redaction := self._redaction) is not None:
            diff = HIDDEN if change.is_hidden else render_difference(change.sides, redaction.redact)
            told = redaction.redact({**told, "target": change.target, "diff": diff}, MOST_TEXT)
        self._send({"change": {name: text for name, text in told.items() if text}})

    def _tell_apps(self, event: dict[str, Any]) -> None:
        """Without knowing the secrets nothing of it can be told."""
        is_word, word = find_word(event)
        if is_word and self._redaction is not None:
            self._send({"apps": self._redaction.redact(word, MOST_TEXT)})


def _withhold(told: dict[str, Any]) -> dict[str, Any]:
    """Without knowing the secrets, no text can be told."""
    event = told.get("event")
    if event is None:
        return told
    return {"event": {name: _WITHHELD_WORD if name in _WITHHELD else value for name, value in event.items()}}
