"""Programs that the keyholder runs: what is secret goes in by a pipe, never by argument, environment or file."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Any

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.hardening import tie
from homeprod.control.keyholder.sockets.peer import User, find_own
from homeprod.core.errors import ControlError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def spawn(argv: Sequence[str], user: User, **options: Any) -> Process:
    """As that user, tied to our life, with nothing of our environment. Raises ControlError where it is not there."""
    identity: dict[str, Any] = {} if user.is_own else {"user": user.uid, "group": user.gid, "extra_groups": ()}
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", **options.pop("environment", {})}
    parent = os.getpid()
    program, *arguments = argv
    try:
        return await asyncio.create_subprocess_exec(
            program, *arguments, env=environment, cwd="/", preexec_fn=lambda: tie(parent), **identity, **options
        )
    except OSError as error:
        hint = f"install what brings {argv[0]} (for ssh-agent: openssh-client)"
        raise ControlError(f"cannot run {argv[0]}: {error.strerror}", hint=hint) from error


async def run(name: str, argv: Sequence[str], given: bytes | bytearray, seconds: float, **options: Any) -> bytes:
    """The output of one that runs as we do. Raises KeyholderError where it failed, or took too long; ``name`` is what
    a person calls it."""
    process = await spawn(argv, find_own(), stdin=PIPE, stdout=PIPE, stderr=PIPE, **options)
    try:
        async with asyncio.timeout(seconds):
            output, talk = await process.communicate(given)
    except TimeoutError as error:
        raise KeyholderError(f"{name} did not end within {seconds:g} seconds") from error
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    if process.returncode:
        last = talk.decode(errors="replace").strip().splitlines()[-1:]
        raise KeyholderError(f"{name} failed: {' '.join(last) or f'exit code {process.returncode}'}")
    return output


async def start(argv: Sequence[str], user: User) -> Process:
    """One that stays; what it complains of stands in our log."""
    return await spawn(argv, user, stdin=DEVNULL, stdout=DEVNULL)
