"""Why a run failed, in a person's words: found in what Ansible and ssh say."""

from __future__ import annotations

from typing import Any

NO_ANSWER = "the host did not answer"
_OTHER_KEY = "the host showed another SSH host key than the pinned one; nothing was sent to it"
_NO_DECRYPTION = "the vault does not decrypt with this control node's password"
_NO_HOST = "the host is not in the inventory"
_SIGNS = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", _OTHER_KEY),
    ("Host key verification failed", _OTHER_KEY),
    ("Decryption failed", _NO_DECRYPTION),
    ("no vault secrets were found that could decrypt", _NO_DECRYPTION),
    ("no vault secrets found", "the vault does not decrypt: no password was given"),
    ("Could not match supplied host pattern", _NO_HOST),
    ("--limit does not match any hosts", _NO_HOST),
    ("leaves us with no hosts to target", _NO_HOST),
)
"""What is said, and what it means; trying again helps none of them."""
_FULL = "No space left on device"
_BAD_FACTS = "was corrupt, or did not otherwise contain valid data"
"""Of a file of kept facts that was cut off, by a full disk or a power cut; Ansible removes it."""
_MARKS = ("ERROR!", "[ERROR]:")
_LINES, _MOST = 4, 500
"""Of what Ansible says, and its characters."""


class Problem:
    """Looks at every telling; the last failure is the one that ended the run."""

    def __init__(self) -> None:
        self._said = ""
        self._errors: list[str] = []
        self._known = ""
        self._is_full = False
        self.may_retry = True
        self.is_unreachable = False
        """Whether it ended because the host did not answer."""

    def look(self, told: dict[str, Any]) -> None:
        event = told.get("event", {})
        texts = f"{event.get('message', '')}\n{event.get('text', '')}"
        if event.get("kind") in ("failed", "unreachable", "text"):
            self._look_for_signs(texts)
        if event.get("kind") == "text" and _FULL in texts:
            self._is_full = True  # here: a host's own full disk is told by the task that failed
        if event.get("kind") in ("failed", "unreachable"):
            first = next(iter(str(event.get("message", "")).splitlines()), "")
            self.is_unreachable = event["kind"] == "unreachable"
            self._said = _say_cause(first, str(event.get("task") or "a task"), self.is_unreachable)
        elif event.get("kind") == "text" and (self._errors or any(mark in texts for mark in _MARKS)):
            self._errors.append(texts.strip())  # a line an event: what follows an error says where it is

    def describe(self, return_code: int | None) -> str:
        """In one line, with what Ansible said behind it where there is no better word."""
        if self._known or self._said:
            return self._known or self._said
        if self._is_full:
            return f"the run's files cannot be kept on the control node: {_FULL}"
        if any(_BAD_FACTS in text for text in self._errors):
            return "the facts that were kept of a host were damaged; they are gathered anew at the next try"
        if self._errors:
            # Ansible refused before any task: the playbook does not parse, or names what is not there.
            self.may_retry = False
            return f"ansible refuses the playbook: {' '.join(' '.join(self._errors[:_LINES]).split())[:_MOST]}"
        return f"ansible-playbook ended with {return_code}"

    def _look_for_signs(self, texts: str) -> None:
        for sign, meaning in _SIGNS:
            if sign in texts:
                self._known, self.may_retry = meaning, False
                return


def _say_cause(cause: str, task: str, is_unreachable: bool) -> str:
    """The cause first: lists are cut on the right."""
    if is_unreachable:
        return f"{NO_ANSWER}: {cause} (at {task})" if cause else f"{NO_ANSWER} (at {task})"
    return f"{cause} (at {task})" if cause else f"{task} failed"
