"""Whether a new head may run here: it comes after the one before, is signed, and was meant for this branch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .git import GitError
from .mirror import ACCEPTED, CANDIDATE, Mirror
from .problem import Problem
from .remote import Remotes
from .settings import Settings
from .signature import find_signer

_SIGNED_NOT = "nobody: signatures are off"


@dataclass(frozen=True)
class Belief:
    """``commit`` is the last head that is believed, empty for none; ``wanted`` what the server has, as far as is
    known. ``problem`` says why they differ."""

    commit: str
    wanted: str
    problem: Problem | None = None


def follow(mirror: Mirror, remotes: Remotes, settings: Settings) -> Belief:
    """Never raises Problem: what was believed before stays so."""
    known, wanted = mirror.git.find(ACCEPTED), mirror.git.find(CANDIDATE)
    try:
        wanted = remotes.look(mirror)
        if wanted == known:
            return Belief(known, wanted)
        if wanted != mirror.git.find(CANDIDATE):
            wanted = remotes.fetch(mirror)
        judge(mirror, wanted, known, settings)
    except Problem as problem:
        return Belief(known, wanted, problem)
    except GitError as error:
        return Belief(known, wanted, Problem(f"git failed: {error.said[:200]}", "see the journal"))
    mirror.git.point(ACCEPTED, wanted)
    return Belief(wanted, wanted)


def judge(mirror: Mirror, commit: str, known: str, settings: Settings) -> str:
    """Who signed it. The head alone is looked at: it is signed with all files that it names, and no other commit's
    files are ever run. Raises Problem."""
    short = commit[:12]
    if known and mirror.git.try_to("merge-base", "--is-ancestor", known, commit).code:
        hint = (
            f"publish a commit that does; where it was rewritten on purpose\n    homeprod-apps accept {mirror.branch}"
        )
        raise Problem(f"{short} does not come after {known[:12]}, which was there before: a forced push", hint)
    signer = find_who(mirror, commit, settings)
    _check_place(mirror, commit, settings)
    return signer


def find_who(mirror: Mirror, commit: str, settings: Settings) -> str:
    """Raises Problem where a signature is asked for, and not there."""
    policy = settings.find_policy(mirror.url)
    if policy.signatures == "off":
        return _SIGNED_NOT
    try:
        return find_signer(mirror.git, commit, policy, settings.folder / "signatures")
    except Problem as problem:
        raise Problem(f"{commit[:12]} {problem.message}", problem.hint) from problem


def _check_place(mirror: Mirror, commit: str, settings: Settings) -> None:
    """What was published for another branch is signed as well, and whoever writes to the git server could put it on
    this one. `homeprod apps publish` says in each commit where it belongs: ``HOST: publish APP``."""
    message = mirror.git.ask("show", "--no-patch", "--format=%B", commit).output
    place = re.search(r"^Homeprod-Branch: (\S+)$", message, re.MULTILINE)
    if place:
        meant = place[1]
    elif re.search(r"^Homeprod-Source: ", message, re.MULTILINE) and (
        subject := re.match(r"(\S+): publish (.+)\n", message)
    ):
        meant = f"{settings.prefix}/{subject[1]}/{subject[2].replace('the configuration', '_config')}"
    else:
        return
    if meant != mirror.branch:
        raise Problem(f"{commit[:12]} was published for {meant}, and stands on {mirror.branch}", "publish again")
