"""The terminal in which ansible-runner runs Ansible, without the tenth of a second that pexpect waits at its end.

ptyprocess sleeps after it has closed a terminal, so that the kernel can end the program in it. ansible-runner closes
one whose program has ended and been waited for: a one-task run would be a tenth longer for nothing.
"""

from __future__ import annotations

import pexpect


class Terminal(pexpect.spawn):  # type: ignore[misc] # pexpect has no types
    def close(self, force: bool = True) -> None:
        if not self.isalive():
            self.ptyproc.delayafterclose = 0
        super().close(force)


def use_terminal() -> None:
    """Of this process; ansible-runner has no setting for it and looks the class up at each run."""
    pexpect.spawn = Terminal
