"""What the ledger refuses, and why."""

from __future__ import annotations

from homeprod.core.errors import ControlError


class HeldKeyError(ControlError):
    """A host came with another SSH host key than the pinned one; a person has to say that it is right."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "the host came with another SSH host key than the one that is pinned; the new one is held",
            where=host,
            hint="where the machine was made again and the key is the one that it shows on its console, say so with\n"
            f"    homeprod control trust {host}",
        )
        self.host = host


class NothingHeldError(ControlError):
    """No key is held for the host, or another one than was named."""

    def __init__(self, host: str) -> None:
        hint = f"a key is held after a ring that brought another than the pinned one\n\n  homeprod configure {host}"
        super().__init__("no such key is held for this host", where=host, hint=hint)


class ConflictingIdError(ControlError):
    """An id of a ring was used for another body; nothing was taken."""

    def __init__(self, ring: str) -> None:
        hint = "an id stays with its ring when that is repeated; another ring needs another id"
        super().__init__("this id was used for another ring before", where=ring, hint=hint)


class RunningHostError(ControlError):
    """The host is being configured just now, and cannot be forgotten meanwhile."""

    def __init__(self, host: str) -> None:
        hint = f"wait for the end of its run, or cancel it\n\n  homeprod runs --host {host}"
        super().__init__("the host is being configured just now", where=host, hint=hint)


class UnfitHostError(ControlError):
    """The host has to be configured before it can be asked what differs: everything would."""

    def __init__(self, host: str) -> None:
        hint = "what it waits for is listed by\n    homeprod control hosts"
        super().__init__("the host is not configured as it is now", where=host, hint=hint)


class StorageError(ControlError):
    """The ledger could not be written or read: nothing of what was asked is kept, and it may be asked again."""

    def __init__(self, reason: str, where: str) -> None:
        hint = "free some room on the control node's data disk; what was refused may be sent again as it was"
        super().__init__(f"the control node cannot use its ledger: {reason}", where=where, hint=hint)


class UnknownHostError(ControlError):
    """No such host was ever rung for or asked for."""

    def __init__(self, host: str) -> None:
        hint = "the hosts that the control node knows are listed by\n    homeprod control hosts"
        super().__init__("the control node knows no such host", where=host, hint=hint)


class UnknownRunError(ControlError):
    """No such run is kept."""

    def __init__(self, run: int) -> None:
        hint = "older runs are forgotten; those that are kept are listed by\n    homeprod runs"
        super().__init__("no such run is kept", where=f"run {run}", hint=hint)
