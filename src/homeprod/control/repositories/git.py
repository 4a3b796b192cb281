"""The real git, as a process, told of nothing but what it needs."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.control.repositories.errors import GitError

SECONDS = 60.0
"""For one call."""
_SETTINGS = {
    # A repository is data here: nothing of it is run, and nothing is asked.
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "protocol.allow": "never",
    "protocol.ssh.allow": "always",
    "protocol.https.allow": "always",
    "protocol.file.allow": "always",
    "fetch.fsckObjects": "true",
    "advice.detachedHead": "false",
}


QUIET = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
"""No settings of the machine's or a person's, and no question."""


@dataclass(frozen=True, slots=True)
class Git:
    """In one bare repository. ``variables`` are of its environment, besides the few that git needs."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str, settings: dict[str, str] | None = None, given: bytes = b"") -> bytes:
        """What it prints, where it is ``given`` that. Raises GitError with what it says where it fails, or does not
        end in time."""
        return (await self.run_both(*arguments, settings=settings, given=given))[0]

    async def run_both(
        self, *arguments: str, settings: dict[str, str] | None = None, given: bytes = b""
    ) -> tuple[bytes, str]:
        """What it prints, and what it says. Raises GitError."""
        chosen = [
            part for name, value in (_SETTINGS | (settings or {})).items() for part in ("-c", f"{name}={value}")
        ]
        argv = ("git", "--git-dir", str(self.folder), *chosen, *arguments)
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=pipe if given else null,
            stdout=pipe,
            stderr=pipe,
            env=self._list_variables(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                output, said = await process.communicate(given or None)
        except TimeoutError:
            raise GitError("it did not answer in time") from None
        finally:
            if process.returncode is None:
                _kill_session(process.pid)
                await process.wait()
        text = said.decode(errors="replace")
        if process.returncode != 0:
            raise GitError(text)
        return output, text

    async def find_commit(self, name: str) -> str:
        """The commit's id, empty where there is none of that name."""
        try:
            found = await self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except GitError:
            return ""
        return found.decode().strip()

    def _list_variables(self) -> dict[str, str]:
        plain = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": str(self.folder)}
        return {**plain, **QUIET, "GIT_ASKPASS": "/bin/false", **self.variables}


def make_ssh_command(known_hosts: Path, public_key: Path | None) -> str:
    """For GIT_SSH_COMMAND: pinned host keys alone, nothing asked; of the agent's keys the one that ``public_key``
    names, since a git host takes the first key it knows for the whole answer."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ForwardAgent": "no",
        "ConnectTimeout": "20",
    }
    if public_key is not None:
        options |= {"IdentityFile": str(public_key), "IdentitiesOnly": "yes"}
    parts: Sequence[str] = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return shlex.join(["ssh", "-F", "/dev/null", *parts])


def _kill_session(leader: int) -> None:
    """git and the ssh that it started: they are a session of their own."""
    try:
        os.killpg(leader, 9)
    except ProcessLookupError:
        return
