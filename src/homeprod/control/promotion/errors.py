"""What a run hears that has to wait at the gate."""

from __future__ import annotations

from homeprod.control.hosts.host import HELD
from homeprod.control.runs.attempt import NotYetError


class HeldError(NotYetError):
    """The host may not be run so, or not yet. It is looked at again when something was admitted or signed, and now
    and then."""

    seconds = 300.0

    def __init__(self, reason: str) -> None:
        super().__init__(f"{HELD}: {reason}", hint="how the gate stands is told by\n    homeprod status")
