"""Refusal: an error as it goes over a socket, and back."""

from __future__ import annotations

from typing import Any

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.core.errors import HomeprodError


def describe(error: Exception) -> dict[str, Any]:
    """Of an error that nobody foresaw only its kind and place: its words may hold a secret."""
    if isinstance(error, HomeprodError):
        kind = error.kind if isinstance(error, KeyholderError) and error.kind else type(error).__name__
        return {"ok": False, "kind": kind, "message": error.message, "where": error.where, "hint": error.hint}
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace is not None else ""
    message = f"a mistake of the keyholder's own: {type(error).__name__}{place}"
    return {"ok": False, "kind": type(error).__name__, "message": message, "where": "", "hint": "please report it"}


def raise_refusal(answer: Message) -> None:
    """Raises KeyholderError where the answer is one."""
    if answer.fields.get("ok") is True:
        return
    words = {name: str(answer.fields.get(name, "")) for name in ("message", "where", "hint", "kind")}
    raise KeyholderError(words["message"] or "refused", where=words["where"], hint=words["hint"], kind=words["kind"])
