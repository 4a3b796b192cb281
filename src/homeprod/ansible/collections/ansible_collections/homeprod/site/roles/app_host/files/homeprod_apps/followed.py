"""The machine's configuration, followed: which commit of it counts."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import partial

from .belief import find_who, follow
from .configuration import App, Configuration, parse_configuration, parse_states
from .git import GitError
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


def follow_configuration(settings: Settings, remotes: Remotes, part: Part) -> Followed:
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
            _check(mirror, belief.commit, used, settings)
            mirror.show(belief.commit)
            used = belief.commit
        except Problem as problem:
            part.tell(REFUSED, problem)
    part.applied = used
    part.verified = _find_who(mirror, used, settings)
    return Followed(mirror, used)


def _check(mirror: Mirror, commit: str, used: str, settings: Settings) -> None:
    """Raises Problem."""
    after = parse_configuration(partial(mirror.read, commit)).apps
    kept = _list_kept(settings)
    # Where the one before is not understood any more, whatever is there counts as running.
    before = (parse_states(partial(mirror.read, used)) if used else {}) or dict.fromkeys(kept, True)
    gone = [name for name, runs in before.items() if name not in after and runs and name in kept]
    if not gone:
        return
    for one in mirror.git.ask("rev-list", "--reverse", f"{used}..{commit}" if used else commit).output.split():
        states = parse_states(partial(mirror.read, one))
        gone = [name for name in gone if states.get(name, True)]
    if gone:
        hint = "publish it with `enabled: false` first, and say in moves.yml what becomes of its data"
        raise Problem(
            f"{gone[0]} is gone or renamed while it runs: its data would be archived, and its cache deleted", hint
        )


def _list_kept(settings: Settings) -> set[str]:
    """Apps of which Harbormaster has something, that it would archive or delete."""
    return {place.name for kind in ("repos", "data", "caches") for place in (settings.work / kind).glob("*")}


def check_that_nothing_is_lost(settings: Settings, wanted: Iterable[str], given: Container[str]) -> None:
    """Harbormaster archives what it is not told of. Raises Problem where an app that is wanted, and is there, would
    be left out."""
    kept = _list_kept(settings)
    for name in wanted:
        if name in kept and name not in given:
            hint = "publish a revision that can be run; nothing is changed until then"
            raise Problem(f"what ran of {name} is not known any more, and what is wanted cannot be run", hint)


def _find_who(mirror: Mirror, commit: str, settings: Settings) -> str:
    """Empty where it is not believed any more: whoever signed it may not do so now."""
    try:
        return find_who(mirror, commit, settings) if commit else ""
    except (Problem, GitError):
        return ""
