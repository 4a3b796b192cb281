"""Writes what is published: commits without a work tree, and one push of all branches, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homeprod.apps.branch import CONFIGURATION
from homeprod.apps.publication import Step
from homeprod.core.errors import AppsError
from homeprod.drivers.apps.git import Git, GitError
from homeprod.drivers.apps.remote import find_url

SOURCE = "Homeprod-Source"
"""The trailer that names the commit of the app repository that a published one was made from."""


@dataclass(frozen=True, slots=True)
class Made:
    """A step with its commit, which nobody has seen yet."""

    step: Step
    commit: str


def make_commits(
    git: Git, steps: Sequence[Step], source: str, *, is_signed: bool, tell: Callable[[str], None]
) -> list[Made]:
    """In the clone's store of objects alone. Raises AppsError where one cannot be signed, or made."""
    made = []
    for number, step in enumerate(steps, 1):
        tell(f"making {step.branch} ({number} of {len(steps)})")
        try:
            made.append(Made(step, _make_commit(git, step, source, is_signed=is_signed)))
        except GitError as error:
            raise _explain_commit(error, step.branch, is_signed=is_signed) from error
    return made


def _make_commit(git: Git, step: Step, source: str, *, is_signed: bool) -> str:
    if not step.changes:  # a branch that vanished, put back as it was
        return step.parent
    tree = _write_tree(git, step)
    parent = ("-p", step.parent) if step.parent else ()
    signing = ("-S",) if is_signed else ("--no-gpg-sign",)
    message = _word(git, step, source).encode()
    return git.run("commit-tree", tree, *parent, *signing, "-F", "-", given=message, is_patient=True).decode().strip()


def _word(git: Git, step: Step, source: str) -> str:
    what = "the configuration" if step.app == CONFIGURATION else step.app
    subject = git.ask("show", "-s", "--format=%s", source)
    return f"{step.host}: publish {what}\n\n{subject}\n\n{SOURCE}: {source}\n"


def _write_tree(git: Git, step: Step) -> str:
    """By an index of its own. Source: git-update-index(1), USING --INDEX-INFO."""
    with tempfile.TemporaryDirectory(prefix="homeprod-") as folder:
        own = replace(git, variables={**git.variables, "GIT_INDEX_FILE": str(Path(folder) / "index")})
        rows = (f"{file.kind.value} {file.oid} 0\t{path}\0" for path, file in step.files)
        own.run("update-index", "-z", "--index-info", given="".join(rows).encode("utf-8", "surrogateescape"))
        return own.run("write-tree").decode().strip()


def push(git: Git, remote: str, made: Sequence[Made]) -> list[Made]:
    """Those that moved: all of them. Each branch moves only where it still is where it was looked at. Where the git
    host can, all move or none; elsewhere apps go before configurations, and the next publish goes on from there.
    Raises AppsError; then it says what moved."""
    try:
        _push(git, remote, made, "--atomic")
    except GitError as error:
        if "does not support --atomic" not in error.output:
            raise _explain_push(git, remote, error, []) from error
        return _push_each(git, remote, made)
    _remember(git, remote, made)
    return list(made)


def _push_each(git: Git, remote: str, made: Sequence[Made]) -> list[Made]:
    moved: list[Made] = []
    for one in made:
        try:
            _push(git, remote, [one])
        except GitError as error:
            raise _explain_push(git, remote, error, moved) from error
        _remember(git, remote, [one])
        moved.append(one)
    return moved


def _push(git: Git, remote: str, made: Sequence[Made], *options: str) -> None:
    leases = [f"--force-with-lease=refs/heads/{one.step.branch}:{one.step.expected}" for one in made]
    wanted = [f"{one.commit}:refs/heads/{one.step.branch}" for one in made]
    git.run("-c", "push.followTags=false", "push", "--porcelain", *options, *leases, remote, *wanted, is_patient=True)


def _remember(git: Git, remote: str, made: Sequence[Made]) -> None:
    """In the remote-tracking branches, whatever the clone fetches by itself."""
    lines = "".join(f"update refs/remotes/{remote}/{one.step.branch} {one.commit}\n" for one in made)
    git.run("update-ref", "--stdin", given=lines.encode())


_IDENTITY = """\
tell git who you are, then publish again:

  git config --global user.name "YOU"
  git config --global user.email YOU@HOME"""
_SIGNING = """\
tell git once which key it signs with, then publish again:

  git config --global gpg.format ssh
  git config --global user.signingkey ~/.ssh/id_ed25519.pub

--unsigned publishes without a signature, and hosts that ask for one refuse what is published so"""


def _explain_commit(error: GitError, branch: str, *, is_signed: bool) -> AppsError:
    if "Please tell me who you are" in error.output or "empty ident" in error.output:
        message = "git does not know who publishes; nothing was published"
        return AppsError(message, where=branch, hint=_IDENTITY)
    if is_signed:
        return AppsError(f"cannot be signed; nothing was published: {error.word}", where=branch, hint=_SIGNING)
    hint = "see whether git can write into the repository:\n\n  git fsck"
    return AppsError(f"no commit can be made; nothing was published: {error.word}", where=branch, hint=hint)


_OVERTAKEN = ("stale info", "fetch first", "cannot lock ref", "reference already exists", "failed to lock")
"""What git says where a branch is no longer where it was looked at."""


def _explain_push(git: Git, remote: str, error: GitError, moved: Sequence[Made]) -> AppsError:
    done = f"these moved: {', '.join(one.step.branch for one in moved)}" if moved else "no branch moved"
    if any(sign in error.output for sign in _OVERTAKEN):
        message = f"somebody else published meanwhile; {done}"
        hint = "look again at what is left to do:\n\n  homeprod apps publish"
    else:
        refused = next((line for line in error.output.splitlines() if line.startswith("!\t")), "")
        word = refused.rpartition("\t")[2] or error.word
        message = f"the git host refuses: {word}; {done}"
        hint = f"let {remote} take pushes to deploy/* from you, then publish again; it goes on from there"
    return AppsError(message, where=find_url(git, remote), hint=hint)
