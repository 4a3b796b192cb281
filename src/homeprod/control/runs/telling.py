"""What is told of ansible-runner's events: the few facts that a person wants to see."""

from __future__ import annotations

import re
from typing import Any

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CAUSE = re.compile(r"\[ERROR\]: (?:Task failed: )?(?:Module failed: )?(.+)")
_ERROR = re.compile(r"\[ERROR\]: .*?(?=^Origin: |\Z)", re.DOTALL | re.MULTILINE)
_KINDS = {
    "playbook_on_start": "start",
    "playbook_on_play_start": "play",
    "playbook_on_task_start": "task",
    "playbook_on_handler_task_start": "task",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
    "runner_item_on_failed": "item failed",
    "playbook_on_stats": "stats",
    "verbose": "text",
    "error": "text",
    "warning": "text",
    "deprecated": "text",
}
_COUNTS = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")


def tell(event: dict[str, Any]) -> dict[str, Any] | None:
    """``{"event": {kind, at, …}}`` or ``{"stats": {…}}``; None for what is not worth telling. Texts are whole: one
    that was cut in the middle of a secret would not be known as that."""
    kind, data = _KINDS.get(event.get("event", "")), event.get("event_data") or {}
    if kind is None:
        return None
    if kind == "stats":
        return {"stats": {name: sum((data.get(name) or {}).values()) for name in _COUNTS}}
    result, text = data.get("res") or {}, plain(event.get("stdout", ""))
    if isinstance(result, dict) and "censored" in result:  # Ansible hides the result, and not the words of the error
        text = _ERROR.sub("", text)
    told = {
        "kind": "ignored" if kind == "failed" and data.get("ignore_errors") else kind,
        "at": event.get("created", ""),
        "play": data.get("play", ""),
        "task": data.get("task", ""),
        "role": data.get("role", ""),
        "host": data.get("host", ""),
        "changed": bool(result.get("changed")) if isinstance(result, dict) else False,
        "seconds": data.get("duration"),
        "message": _find_message(result, text),
        "text": text,
    }
    return {"event": {name: value for name, value in told.items() if value not in ("", None, False)}}


def _find_message(result: object, text: str) -> str:
    """Why a task failed, or what a module said; nothing of a result that is censored.

    What Ansible itself says of a failure (``text``) may know the cause behind a module's general words: "Error
    executing command." is then "Error executing command: [Errno 2] No such file or directory: …".
    """
    if not isinstance(result, dict):
        return ""
    if "censored" in result:
        return "(no_log)"
    texts = [result.get(name) for name in ("msg", "module_stderr", "stderr", "reason")]
    words = "\n".join(text for text in texts if isinstance(text, str) and text)
    cause = _CAUSE.match(text)
    general = str(result.get("msg", "")).strip().removesuffix(".")
    if cause and general and cause[1].startswith(f"{general}:"):
        words = words.replace(str(result["msg"]), cause[1], 1)
    return plain(words)


def plain(text: object) -> str:
    return _COLOUR.sub("", str(text)).replace("\r\n", "\n").strip("\r\n")
