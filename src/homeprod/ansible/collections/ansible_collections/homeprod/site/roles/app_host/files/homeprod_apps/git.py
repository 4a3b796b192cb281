"""The real git, told of nothing but what it needs: a repository is data here, and nothing of it is run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .process import Done, run
from .settings import Settings

SECONDS = 60.0
"""For what is done on this machine alone."""
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "fetch.fsckObjects": "true",
    "gc.autoDetach": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "20",
    "safe.directory": "*",
}


class GitError(Exception):
    """What git said, unread."""

    def __init__(self, done: Done) -> None:
        super().__init__(done.said)
        self.said = done.said.strip() or f"git ended with {done.code}"


@dataclass(frozen=True)
class Git:
    """In one bare repository. ``protocols`` are those that it may fetch by: none unless said."""

    folder: Path
    protocols: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def ask(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        largest: int = 0,
    ) -> Done:
        """What it prints and says. Raises GitError."""
        done = self.try_to(*arguments, settings=settings, variables=variables, seconds=seconds, largest=largest)
        if done.code:
            raise GitError(done)
        return done

    def try_to(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        largest: int = 0,
    ) -> Done:
        chosen = [part for pair in ({**_SETTINGS, **(settings or {})}).items() for part in ("-c", "=".join(pair))]
        env = {**make_environment(self.protocols), **self.variables, **(variables or {})}
        argv = ("git", "--git-dir", str(self.folder), *chosen, *arguments)
        return run(argv, seconds, env=env, largest=largest)

    def find(self, name: str) -> str:
        """The commit's id, empty where there is none of that name."""
        return self.try_to("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").output.strip()

    def point(self, ref: str, commit: str) -> None:
        self.ask("update-ref", ref, commit)

    def prepare(self) -> None:
        """The repository is there, and whatever a killed git left in it is not."""
        if not (self.folder / "HEAD").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.ask("init", "--quiet", "--bare")
        remove_leftovers(self.folder)


def make_environment(protocols: tuple[str, ...]) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
    }


def make_ssh_command(settings: Settings) -> str:
    """For GIT_SSH_COMMAND: pinned host keys alone, nothing asked, and the one key that is for this."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": settings.known_hosts or "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ForwardAgent": "no",
        "ConnectTimeout": "20",
        "ServerAliveInterval": "15",
    }
    if settings.ssh_key:
        options = {**options, "IdentityFile": settings.ssh_key, "IdentitiesOnly": "yes", "IdentityAgent": "none"}
    return shlex.join(["ssh", "-F", "/dev/null", *(f"-o{name}={value}" for name, value in options.items())])


def remove_leftovers(git_folder: Path) -> None:
    """Locks and half packs of a git that was killed. Under the lock of the run alone: then no git is at work."""
    for place in (git_folder, git_folder / "refs"):
        for lock in place.rglob("*.lock") if place.name == "refs" else place.glob("*.lock"):
            lock.unlink(missing_ok=True)
    for half in (git_folder / "objects").glob("**/tmp_*"):
        if half.is_file():
            half.unlink(missing_ok=True)
