"""What tasks would change, out of ansible-runner's events of a check: what each is about, and how that differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from homeprod.control.runs.telling import plain

HIDDEN = "(no_log)"
_MOST_THINGS = 20
"""Of one task that are told of."""
_NAMES = ("path", "dest", "name", "pkg", "user", "unit")
"""Arguments and results by which a module says what it is about, the surest first."""
_UNSAID = {"src_binary": "it is no text", "dst_binary": "it is no text"}
_TOO_LARGE = ("src_larger", "dst_larger")


@dataclass(frozen=True, slots=True)
class Side:
    """A text as it is and as it would be; ``heading`` is whose. ``words`` stand there where no text is known."""

    heading: str = ""
    before: str = ""
    after: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    task: str
    role: str
    target: str
    sides: tuple[Side, ...]
    is_hidden: bool = False


class ChangeWatch:
    """Looks at every event of a run, in their order: some of them say what a later one is."""

    def __init__(self) -> None:
        self._handlers: set[str] = set()
        self._hidden: set[str] = set()

    def look(self, event: dict[str, Any]) -> Change | None:
        """What the event says that would change. A handler is the consequence of another task's change, and none of
        its own."""
        data, said = event.get("event_data") or {}, plain(event.get("stdout", ""))
        kind, task = event.get("event", ""), str(data.get("task_uuid", ""))
        if kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            if said.lstrip().startswith("RUNNING HANDLER"):
                self._handlers.add(task)
            return None
        if kind not in ("runner_on_ok", "runner_item_on_ok") or task in self._handlers:
            return None
        told = data.get("res")
        result: dict[str, Any] = told if isinstance(told, dict) else {}
        if "censored" in result and said.lstrip().startswith("changed:"):
            self._hidden.add(task)  # of a loop the items alone say so, and of all that is hidden no result does
        if kind == "runner_item_on_ok":
            return None
        return self._describe(data, result, is_hidden=task in self._hidden)

    def _describe(self, data: dict[str, Any], result: dict[str, Any], *, is_hidden: bool) -> Change | None:
        task, role = str(data.get("task", "")), str(data.get("role", ""))
        if is_hidden:
            return Change(task, role, "", (), is_hidden=True)
        if not result.get("changed"):
            return None
        things = [one for one in _list_things(result) if one.get("changed")][:_MOST_THINGS]
        targets = dict.fromkeys(filter(None, (_find_target(one) for one in things)))
        return Change(task, role, ", ".join(targets), tuple(side for one in things for side in _list_sides(one)))


def _list_things(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a loop its items."""
    items = result.get("results")
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) and items else [result]


def _find_target(result: dict[str, Any]) -> str:
    arguments = (result.get("invocation") or {}).get("module_args") or {}
    for place in (result, arguments):
        for name in _NAMES:
            if target := _name(place.get(name)):
                return target
    headings = (side.heading for side in _list_sides(result))
    return next(filter(None, headings), "")


def _name(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _list_sides(result: dict[str, Any]) -> Iterator[Side]:
    told = result.get("diff")
    for one in told if isinstance(told, list) else [told]:
        if isinstance(one, dict) and one:
            yield _read_side(one)


def _read_side(told: dict[str, Any]) -> Side:
    heading = str(told.get("after_header") or told.get("before_header") or "").removesuffix(" (content)")
    if words := next((words for name, words in _UNSAID.items() if told.get(name)), ""):
        return Side(heading, words=words)
    if size := next((told[name] for name in _TOO_LARGE if told.get(name)), 0):
        return Side(heading, words=f"it is larger than {size} bytes")
    if "prepared" in told:
        return Side(heading, words=str(told["prepared"]))
    return Side(heading, _write(told.get("before")), _write(told.get("after")))


def _write(value: object) -> str:
    """Facts a line each."""
    if isinstance(value, dict):
        return "".join(f"{name}: {_write_value(one)}\n" for name, one in sorted(value.items()))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "".join(f"{_write_value(one)}\n" for one in value)
    return "" if value is None else str(value)


def _write_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
