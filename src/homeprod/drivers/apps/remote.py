"""The app repository's git host: where its branches are, and what was published last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.apps.branch import PREFIX, split_branch
from homeprod.apps.publication import Head
from homeprod.core.errors import AppsError
from homeprod.core.tree import Tree
from homeprod.drivers.apps.git import Git, GitError
from homeprod.drivers.apps.tree import read_commits


@dataclass(frozen=True, slots=True)
class Remote:
    """``main`` is the head of the branch that is published from; ``heads`` of those that are published."""

    name: str
    main: str
    heads: Mapping[str, Head]


def read_known(git: Git, remote: str) -> dict[str, Tree]:
    """What was published last as far as this clone knows, by branch; asks nobody."""
    return read_commits(git, _list_known(git, remote))


def _list_known(git: Git, remote: str) -> dict[str, str]:
    prefix = f"refs/remotes/{remote}/"
    lines = git.ask("for-each-ref", "--format=%(objectname) %(refname)", f"{prefix}{PREFIX}/").splitlines()
    named = {name.removeprefix(prefix): commit for commit, _, name in (line.partition(" ") for line in lines)}
    return {branch: commit for branch, commit in named.items() if split_branch(branch)}


def fetch(git: Git, remote: str, main: str) -> Remote:
    """Look at the git host, and bring what is there. Raises AppsError where it cannot be had, where there is no such
    branch, and where what was published has been rewritten."""
    known = _list_known(git, remote)
    there = _list_there(git, remote, main)
    if main not in there:
        hint = _advise_branch(git, remote, main)
        raise AppsError(f"{remote} has no branch {main}", where=find_url(git, remote), hint=hint)
    _bring(git, remote, main, there)
    for branch, commit in there.items():
        if branch != main and not _descends(git, commit, known.get(branch, "")):
            raise _explain_rewritten(git, remote, branch, commit, known[branch])
    heads = {**known, **{branch: commit for branch, commit in there.items() if branch != main}}
    trees = read_commits(git, heads)
    found = {branch: Head(commit, trees[branch], branch in there) for branch, commit in heads.items()}
    return Remote(remote, there[main], found)


def _advise_branch(git: Git, remote: str, main: str) -> str:
    """Whoever calls theirs otherwise is told how that is said; it may not be pushed yet."""
    own = git.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    if not own or own == main or git.ask("rev-parse", "--verify", "--quiet", f"refs/heads/{main}"):
        return f"push it first:\n\n  git push {remote} {main}"
    push = f"git push {remote} {own}"
    return (
        f"yours is called {own}; push it, and publish from that:\n\n  {push}\n  homeprod apps publish --branch {own}"
    )


def _list_there(git: Git, remote: str, main: str) -> dict[str, str]:
    prefix = "refs/heads/"
    try:
        listed = git.run("ls-remote", "--heads", remote, f"{prefix}{PREFIX}/*", f"{prefix}{main}", is_patient=True)
    except GitError as error:
        raise _explain_unreachable(git, remote, error) from error
    rows = (line.split("\t") for line in listed.decode(errors="replace").splitlines())
    named = {name.removeprefix(prefix): commit for commit, name in rows}
    return {branch: commit for branch, commit in named.items() if branch == main or split_branch(branch)}


def _bring(git: Git, remote: str, main: str, there: Mapping[str, str]) -> None:
    """Into the clone's own remote-tracking branches; those that were rewritten stay as they were, and are told."""
    own = f"refs/remotes/{remote}"
    wanted = [f"+refs/heads/{main}:{own}/{main}", f"refs/heads/{PREFIX}/*:{own}/{PREFIX}/*"]
    try:
        git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, *wanted, is_patient=True)
    except GitError as error:
        if any(not git.ask("cat-file", "-t", commit) for commit in there.values()):
            raise _explain_unreachable(git, remote, error) from error


def _descends(git: Git, commit: str, older: str) -> bool:
    if not older or older == commit:
        return True
    try:
        git.run("merge-base", "--is-ancestor", older, commit)
    except GitError:
        return False
    return True


def contains(git: Git, commit: str, head: str) -> bool:
    """Whether the commit is the head, or comes before it."""
    return _descends(git, head, commit)


def find_url(git: Git, remote: str) -> str:
    return git.ask("remote", "get-url", remote) or remote


def _explain_unreachable(git: Git, remote: str, error: GitError) -> AppsError:
    if not git.ask("remote", "get-url", remote) and "/" not in remote:
        hint = f"give it one:\n\n  git remote add {remote} URL"
        return AppsError(f"the repository has no remote {remote}", where=str(git.folder), hint=hint)
    hint = f"see whether git reaches it:\n\n  git ls-remote {remote}"
    return AppsError(
        f"the git host does not answer as it should: {error.word}", where=find_url(git, remote), hint=hint
    )


def _explain_rewritten(git: Git, remote: str, branch: str, commit: str, known: str) -> AppsError:
    hint = (
        "hosts refuse it, and go on with what they have; put back what they know:\n\n"
        f"  git push --force-with-lease={branch}:{commit} {remote} {known}:refs/heads/{branch}"
    )
    message = f"{branch} was rewritten: {commit[:12]} does not come after {known[:12]}, which was published"
    return AppsError(message, where=find_url(git, remote), hint=hint)
