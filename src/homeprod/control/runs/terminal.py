"""The terminal in which ansible-runner runs Ansible: no wait at its end, and none that a clock could lengthen.

pexpect counts what is left of a wait by the wall clock: where that is set back by hours, the wait is as much longer,
and by weeks, longer than poll(2) takes. ptyprocess sleeps after it has closed a terminal, so that the kernel can end
the program in it. ansible-runner closes one whose program has ended and been waited for: a one-task run would be a
tenth longer for nothing.
"""

from __future__ import annotations

import pexpect

LONGEST = 1.0
"""Seconds until ansible-runner looks again whether the program still runs."""


class Terminal(pexpect.spawn):  # type: ignore[misc] # pexpect has no types
    def read_nonblocking(self, size: int = 1, timeout: float = LONGEST) -> str | bytes:
        """Raises pexpect.TIMEOUT, pexpect.EOF."""
        said: str | bytes = super().read_nonblocking(size, min(timeout, LONGEST))
        return said

    def close(self, force: bool = True) -> None:
        if not self.isalive():
            self.ptyproc.delayafterclose = 0
        super().close(force)


def use_terminal() -> None:
    """Of this process; ansible-runner has no setting for it and looks the class up at each run."""
    pexpect.spawn = Terminal
