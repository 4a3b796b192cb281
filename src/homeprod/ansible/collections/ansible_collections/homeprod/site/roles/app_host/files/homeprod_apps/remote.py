"""The git servers: which heads they have now, asked once a run each, and what of them is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable

from .backoff import Backoff
from .git import Git, GitError, make_ssh_command
from .mirror import ACCEPTED, CANDIDATE, Mirror
from .problem import Problem, UnreachedError
from .settings import Settings

_SIGNS = (
    ("Permission denied", "the git server refuses this machine's key", "give it the deploy key, for reading"),
    (
        "Host key verification failed",
        "the git server showed another key than is pinned",
        "where it has a new one indeed, set app_host_known_hosts",
    ),
    ("transport '", "its protocol is not allowed here", "use https or ssh, or see app_host_protocols"),
    ("does not appear to be a git repository", "there is no repository at that address", "look at the address"),
    ("not found", "there is no repository at that address, or this machine may not see it", "look at the address"),
    # SIGXFSZ, by which the kernel ends who writes more than it may.
    ("died of signal 25", "it is larger than allowed", "see app_host_fetch_bytes"),
    ("File too large", "it is larger than allowed", "see app_host_fetch_bytes"),
    ("No space left on device", "the disk is full", "free some room"),
)
"""What git says of what asking again does not help, or not soon."""


class Remotes:
    """``memory`` holds when each address failed, and is written to; who ``insists`` waits for nothing."""

    def __init__(
        self, settings: Settings, memory: dict[str, Backoff], clock: Callable[[], float], *, insists: bool
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._insists = insists
        self._seen: dict[tuple[str, str], dict[str, str] | Problem] = {}
        self.asked = 0
        """How many connections were made."""

    def look(self, mirror: Mirror) -> str:
        """The commit of the branch's head. Raises UnreachedError, or Problem where there is none."""
        heads = self._list(mirror)
        if commit := heads.get(f"refs/heads/{mirror.branch}"):
            return commit
        if f"refs/tags/{mirror.branch}" in heads:
            raise Problem(f"{mirror.branch} is a tag, and Harbormaster follows branches alone", "name a branch")
        known = " any more" if mirror.git.find(ACCEPTED) else ""
        raise Problem(f"there is no branch {mirror.branch}{known}", "publish it\n    homeprod apps publish")

    def fetch(self, mirror: Mirror) -> str:
        """The branch's head as it is now, brought here; the commit. Raises UnreachedError."""
        source = f"+refs/heads/{mirror.branch}:{CANDIDATE}"
        self._connect(mirror, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", mirror.url, source)
        return mirror.git.find(CANDIDATE)

    def _list(self, mirror: Mirror) -> dict[str, str]:
        """Those of this machine's branches, or of the one branch; and tags that are named as it is."""
        own = f"{self._settings.prefix}/{self._settings.host}/"
        pattern = f"{own}*" if mirror.branch.startswith(own) else mirror.branch
        key = (mirror.url, pattern)
        if key not in self._seen:
            try:
                self._seen[key] = self._ask(mirror, pattern)
            except Problem as problem:
                self._seen[key] = problem
        found = self._seen[key]
        if isinstance(found, Problem):
            raise found
        return found

    def _ask(self, mirror: Mirror, pattern: str) -> dict[str, str]:
        names = (f"refs/heads/{pattern}", f"refs/tags/{pattern}")
        lines = self._connect(mirror, "ls-remote", "--", mirror.url, *names).splitlines()
        pairs = (line.split("\t") for line in lines)
        return {name: commit for commit, name in pairs if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit)}

    def _connect(self, mirror: Mirror, *arguments: str) -> str:
        """Raises UnreachedError."""
        failed = self._memory.get(mirror.url, Backoff())
        if failed.waits(self._clock()) and not self._insists:
            raise UnreachedError(failed.problem)
        settings, limit = self._settings, self._settings.fetch_bytes
        git = Git(mirror.folder, settings.protocols, {"GIT_SSH_COMMAND": make_ssh_command(settings)})
        self.asked += 1
        try:
            done = git.ask(*arguments, seconds=settings.fetch_seconds, largest=limit)
        except GitError as error:
            problem = _explain(error)
            self._memory[mirror.url] = failed.fail(problem.message, self._clock())
            raise problem from error
        self._memory.pop(mirror.url, None)
        return done.output


def _explain(error: GitError) -> UnreachedError:
    for sign, meaning, hint in _SIGNS:
        if sign in error.said:
            return UnreachedError(meaning, hint)
    lines = [line.strip() for line in error.said.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "ssh:", "error:"))), lines[-1] if lines else "")
    return UnreachedError(f"the git server does not answer: {_hide_login(said)[:200]}", "it is asked again by itself")


def _hide_login(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://", text)
