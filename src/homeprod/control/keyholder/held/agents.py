"""Agent: a private ssh-agent that runs as the user whose runs may use its key, and dies with the keyholder.

The key reaches it through ``ssh-add -`` from a pipe; that program runs as the keyholder does, since a process of the
agent's user could look into it. An agent answers its own user and root alone, and loads no library for anybody (-P).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.held.program import run, start
from homeprod.control.keyholder.sockets.peer import User

LIMIT = 10.0
"""Seconds for an agent to listen, and for a key to be taken."""
_FORGET_ALL = b"\x00\x00\x00\x01\x13"
"""SSH_AGENTC_REMOVE_ALL_IDENTITIES (draft-ietf-sshm-ssh-agent, 3.5): length 1, number 19."""


@dataclass(frozen=True, slots=True)
class Agent:
    name: str
    path: Path
    process: Process

    async def load(self, keys: list[bytearray]) -> None:
        """Have these, in place of what it has. Raises KeyholderError."""
        self._forget()
        for key in keys:
            await run("ssh-add", ["ssh-add", "-q", "-"], key, LIMIT, environment={"SSH_AUTH_SOCK": str(self.path)})

    def end(self) -> None:
        """It forgets its keys and is killed. That it did not answer is no reason to leave it alive."""
        try:
            self._forget()
        finally:
            self.path.unlink(missing_ok=True)
            if self.process.returncode is None:
                self.process.send_signal(signal.SIGKILL)

    def _forget(self) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.02)
            connection.connect(str(self.path))
            connection.sendall(_FORGET_ALL)
            connection.recv(64)


async def start_agent(name: str, path: Path, user: User, keys: list[bytearray]) -> Agent:
    """Raises ControlError, and leaves none behind."""
    agent = Agent(name, path, await _listen(path, user))
    try:
        await agent.load(keys)
    except BaseException:
        agent.end()
        raise
    return agent


async def _listen(path: Path, user: User) -> Process:
    """The user may not write where the sockets of all agents lie: the agent makes its own in a folder of the user's,
    and we move it."""
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        made = Path(folder) / "s"
        os.chown(folder, user.uid, user.gid)
        process = await start(["ssh-agent", "-D", "-P", "/nonexistent", "-a", str(made)], user)
        try:
            async with asyncio.timeout(LIMIT):
                await _await_socket(made, process)
            made.rename(path)
        except BaseException as error:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            if isinstance(error, TimeoutError):
                raise KeyholderError(f"ssh-agent did not listen within {LIMIT:g} seconds") from error
            raise
        return process


async def _await_socket(path: Path, process: Process) -> None:
    while not _listens(path):
        if process.returncode is not None:
            raise KeyholderError(f"ssh-agent ended at once, with exit code {process.returncode}")
        await asyncio.sleep(0.005)


def _listens(path: Path) -> bool:
    """The file is there before the agent listens."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
    except OSError:
        return False
    return True
