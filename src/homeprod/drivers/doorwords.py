"""What a control node's refusals mean to a person, and what to do next."""

from __future__ import annotations

import re
from typing import Any

from homeprod.core.errors import ControlError
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import TOLERANCE

_HINTS = {
    Refusal.UNKNOWN_HOST.word: "render the site, review, commit it signed, and push it\n\n  homeprod render --to DIR",
    Refusal.NOT_ADMINISTRATOR.word: "ask an administrator of the site, or load your administrator's key\n\n  ssh-add",
    Refusal.UNKNOWN_RUN.word: "those that are kept are listed by\n\n  homeprod runs",
    Refusal.NOTHING_HELD.word: "see what it holds now\n\n  homeprod control hosts",
    Refusal.TOO_MANY_STREAMS.word: "end one of those, and try again",
    Refusal.MISTAKE.word: "see what the node says\n\n  journalctl -u homeprod-control",
}
_UNSIGNED = (
    "the node knows the keys of its site as it was rendered last: where yours is new, render the site, commit and"
    " push it with a key that it knows\n\n  homeprod render --to DIR"
)


class SignatureError(ControlError):
    """The node does not know the key that signed, or its clock and ours differ too much."""


def say_why_it_waits(word: str, body: dict[str, Any], host: str) -> str | None:
    """A line, where a ring is good and its host waits for a person; None where it is refused for another reason."""
    node = tell(body.get("node")) or "the control node"
    if word == Refusal.LOCKED.word:
        return f"{node} is locked; unlock it: ssh -t {node} unlock"
    if word == Refusal.NEW.word:
        return f"{node} is new; bootstrap it: ssh -t {node} bootstrap"
    if word == Refusal.HELD.word:
        return f"it came with another SSH host key, which is held; where that is right: homeprod control trust {host}"
    if word == Refusal.STORAGE.word:
        return f"{node} cannot store it: its data disk is full"
    if word == Refusal.LOOKING.word:
        return f"{node} has not got the site's newest inventory yet; see: homeprod control status"
    return None


def refuse(status: int, body: dict[str, Any], where: str, skew: float) -> ControlError:
    """The error for an answer that repeating does not turn into a better one."""
    word = str(body.get("error", ""))
    message = tell(body.get("message")) or f"the control node answers {status} {tell(word)}".rstrip()
    if word == Refusal.UNSIGNED.word:
        message = "the control node does not accept the signature"
        if abs(skew) > TOLERANCE / 2:
            message += f": its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        return SignatureError(message, where=where, hint=_UNSIGNED)
    hint = tell(body.get("hint")) or _HINTS.get(word, "")
    if word in (Refusal.BUSY_SIGNER.word, Refusal.BUSY_ADDRESS.word):
        hint = "wait a little, and try again"
    return ControlError(message, where=where, hint=hint)


def tell(value: object) -> str:
    """Text from outside, fit for a terminal: one line, nothing that moves the cursor, not without end."""
    return re.sub(r"[^ -~\u00a0-\uffff]", " ", value)[:500].strip() if isinstance(value, str) else ""
