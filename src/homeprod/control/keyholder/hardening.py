"""What a process does to itself before it touches a secret: no swap, no core dump, no look into it, no life after
its parent's. By ctypes: Python has no call for these.

Constants are Linux's own (linux/prctl.h, asm-generic/mman.h).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

from homeprod.core.errors import ControlError

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
_libc = ctypes.CDLL(None, use_errno=True)


def harden(*, allows_swap: bool, say: Callable[[str], None]) -> None:
    """Raises ControlError where memory cannot be locked and nobody allowed that; with ``allows_swap`` it is said."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_DUMPABLE, 0)
    try:
        lock_memory()
    except OSError as error:
        if not allows_swap:
            hint = "give it CAP_IPC_LOCK or LimitMEMLOCK=infinity, as its systemd unit does\nor allow swap:\n\n  "
            hint += "python -m homeprod.control.keyholder --allow-swap …"
            raise ControlError(f"cannot keep memory out of swap: {error.strerror}", hint=hint) from error
        say(f"memory may be swapped: {error.strerror} (allowed by --allow-swap)")


def lock_memory() -> None:
    """Keep all pages, those to come too, out of swap, each from its first use on. Raises OSError."""
    if _libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def tie(parent: int) -> None:
    """In a new child: die with the parent, and gain nothing by exec. A set-group-ID program (ssh-agent is one on
    Debian) would lose the tie without the second. After a change of user, which undoes the tie as well."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the tie was made
        os._exit(1)


def harden_child(parent: int) -> None:
    """In a forked child that goes on in our code: locks are not inherited. Where the parent could not lock either,
    that was said."""
    tie(parent)
    try:
        lock_memory()
    except OSError:
        sys.exc_info()  # allowed by --allow-swap; said once, by the parent


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
