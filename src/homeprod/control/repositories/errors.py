"""Why a repository cannot be used, in a person's words."""

from __future__ import annotations

from homeprod.core.errors import ControlError


class RepositoryError(ControlError):
    """A repository cannot be had, or its head may not run. ``repository`` is ``playbook`` or ``vault``. It is tried
    again by itself: what is missing may be put right at the git host."""

    def __init__(self, repository: str, message: str, *, where: str, hint: str) -> None:
        super().__init__(f"{repository} repository: {message}", where=where, hint=hint)
        self.repository = repository

    @property
    def waiting(self) -> str:
        """For the node's status."""
        return f"waiting: {self.message}"


class GitError(Exception):
    """What git said, unread."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


_PUBLISH = "give the git host the key that this shows, for reading\n    homeprod control publish"
_FULL = "cannot be kept: the control node's disk takes no more"
_FREE = "see how full it is, and free some room\n    df -h /var/cache/homeprod"
_WRITES = (
    "No space left on device",
    "Out of diskspace",
    "unable to write",
    "couldn't write",
    "could not write",
    "failed to write",
)
"""What git says of a full disk, depending on what it was writing."""
_SIGNS = (
    *((sign, _FULL, _FREE) for sign in _WRITES),
    ("Permission denied", "the git host refuses the deploy key", _PUBLISH),
    (
        "Host key verification failed",
        "the git host showed another key than the site pins",
        "where the host has a new key indeed, set git_host_keys in the site and render it again",
    ),
    ("couldn't find remote ref", "it has no branch {branch}", "push that branch, signed"),
    ("does not appear to be a git repository", "there is none at that address", "look at its address in the site"),
    ("not found", "there is none at that address, or the deploy key may not see it", _PUBLISH),
    ("Could not resolve", "the git host's name is unknown", "look at its address in the site, and at the node's DNS"),
    ("did not answer in time", "the git host does not answer", "see whether the node reaches it"),
)


def explain(repository: str, error: GitError, where: str, branch: str) -> RepositoryError:
    """The error a person sees."""
    for sign, meaning, hint in _SIGNS:
        if sign in error.output:
            return RepositoryError(repository, meaning.format(branch=branch), where=where, hint=hint)
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "ssh:", "error:"))), "".join(lines[-1:]))
    hint = "it is tried again by itself; see whether git works from the node"
    return RepositoryError(repository, f"it does not clone: {said[:300]}", where=where, hint=hint)
