"""What the doorbell refuses, as a table: the server answers by it, the client words it, the docs list it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    word: str
    meaning: str


class Refusal(Enum):
    """In the order in which a ring is checked, as far as ``STORAGE``; then those of other calls alone. ``word`` is
    the answer's ``error``."""

    TOO_LARGE = _Kind(413, "too-large", "the body has more than 20,000 bytes; no more than that is read")
    NOT_JSON = _Kind(415, "not-json", "the content type is not `application/json`, or the body is compressed")
    TOO_SLOW = _Kind(408, "too-slow", "the body was not there within 10 seconds")
    MALFORMED = _Kind(
        400, "malformed", "no HTTP that can be read, or the body is not the JSON object that is asked for"
    )
    BUSY_ADDRESS = _Kind(
        429, "too-many", "too many refused signatures, or knocks, from this address; `Retry-After` says when"
    )
    UNSIGNED = _Kind(
        401,
        "signature",
        "no signature by a key that the node knows, or one of a time that is off by more than 5 minutes, or a call"
        " that was answered before",
    )
    BUSY_SIGNER = _Kind(429, "too-many", "too many calls signed by this person's key; `Retry-After` says when")
    UNFIT = _Kind(
        422,
        "unfit",
        "a value cannot be right: the host's name, the instance, or keys that are no ed25519 host keys",
    )
    NEW = _Kind(503, "new", "the node is New: nothing was stored; it needs `bootstrap`")
    LOCKED = _Kind(
        503,
        "locked",
        "the node is Locked: there is no run; what the host should become is stored, so unlocking configures it",
    )
    LOOKING = _Kind(503, "looking", "the host is not in the inventory, and a newer one is still being fetched")
    UNKNOWN_HOST = _Kind(404, "unknown-host", "the host is not in the inventory at the verified head")
    OTHER_NODE = _Kind(409, "other-node", "another control node configures this host; the answer names it")
    OTHER_BODY = _Kind(409, "other-body", "this id came with another body before")
    HELD = _Kind(409, "held", "the host came with another SSH host key: it waits for `homeprod control trust NAME`")
    STORAGE = _Kind(503, "storage", "nothing can be stored, as the disk is full; it may be sent again as it was")
    NOT_ADMINISTRATOR = _Kind(403, "not-administrator", "this call needs an administrator's key")
    UNKNOWN_PATH = _Kind(404, "unknown-path", "there is no such call")
    UNKNOWN_RUN = _Kind(404, "unknown-run", "no such run is kept")
    WRONG_METHOD = _Kind(405, "wrong-method", "there is such a call, with another method")
    NOTHING_HELD = _Kind(409, "nothing-held", "no key is held for this host, or another one than the call names")
    RUNNING = _Kind(409, "running", "the host is being configured just now: cancel its run first")
    UNCONFIGURED = _Kind(409, "unconfigured", "the host is to be configured first: everything would differ")
    NOT_KEPT = _Kind(409, "not-kept", "the host's environment has nobody look after its hosts")
    TOO_MANY_STREAMS = _Kind(429, "too-many-streams", "this person follows as many runs as may be followed at once")
    MISTAKE = _Kind(500, "mistake", "a mistake of homeprod's own; the node's journal says where")

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def word(self) -> str:
        return self.value.word

    @property
    def meaning(self) -> str:
        return self.value.meaning
