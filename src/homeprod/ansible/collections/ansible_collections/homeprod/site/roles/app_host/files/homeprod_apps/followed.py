"""The machine's configuration, followed: which commit of it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from .belief import find_who, follow
from .configuration import App, Configuration, parse_configuration, parse_states
from .git import GitError
from .memory import Memory
from .mirror import Mirror, open_mirror
from .problem import Problem, UnreachedError
from .remote import Remotes
from .settings import Settings
from .status import CURRENT, REFUSED, WAITS, Part


@dataclass
class Followed:
    """``commit`` is empty where there never was one that can be used."""

    mirror: Mirror
    commit: str
    _read: dict[str, Configuration] = field(default_factory=dict)

    def read(self, commit: str) -> Configuration:
        """Of a commit that was used once. Raises Problem."""
        if commit not in self._read:
            self._read[commit] = parse_configuration(partial(self.mirror.read, commit))
        return self._read[commit]

    def find_app(self, commit: str, name: str) -> App | None:
        try:
            return self.read(commit).apps.get(name)
        except (Problem, GitError):
            return None


def follow_configuration(settings: Settings, remotes: Remotes, memory: Memory, part: Part) -> Followed:
    """``part`` is told what of it; a commit that cannot be used leaves the one before in its place. Raises Problem
    where the mirror itself cannot be used."""
    branch = settings.configuration_branch
    mirror = open_mirror(settings.folder / "mirrors", "_config", settings.repository, branch)
    part.url, part.branch, part.state = settings.repository, branch, CURRENT
    used = mirror.git.find(f"refs/heads/{branch}")
    belief = follow(mirror, remotes, settings)
    part.wanted, part.attempted = belief.wanted, belief.commit
    if belief.problem is not None:
        part.tell(WAITS if isinstance(belief.problem, UnreachedError) else REFUSED, belief.problem)
    if belief.commit and belief.commit != used:
        try:
            _check(mirror, belief.commit, used, memory)
            mirror.show(belief.commit)
            used = belief.commit
        except Problem as problem:
            part.tell(REFUSED, problem)
    part.applied = used
    part.verified = _find_who(mirror, used, settings)
    return Followed(mirror, used)


def _check(mirror: Mirror, commit: str, used: str, memory: Memory) -> None:
    """Raises Problem."""
    after = parse_configuration(partial(mirror.read, commit)).apps
    if not used:
        return
    before = parse_states(partial(mirror.read, used))
    gone = [name for name, runs in before.items() if name not in after and runs and _has_data(name, memory)]
    if not gone:
        return
    for one in mirror.git.ask("rev-list", "--reverse", f"{used}..{commit}").output.split():
        states = parse_states(partial(mirror.read, one))
        gone = [name for name in gone if states.get(name, True)]
    if gone:
        hint = "publish it with `enabled: false` first, and say in moves.yml what becomes of its data"
        raise Problem(
            f"{gone[0]} is gone or renamed while it runs: its data would be archived, and its cache deleted", hint
        )


def _has_data(name: str, memory: Memory) -> bool:
    return name in memory.apps and memory.apps[name].applied is not None


def _find_who(mirror: Mirror, commit: str, settings: Settings) -> str:
    """Empty where it is not believed any more: whoever signed it may not do so now."""
    try:
        return find_who(mirror, commit, settings) if commit else ""
    except (Problem, GitError):
        return ""
