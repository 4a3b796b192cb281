"""The forward revert: a commit on top of a branch's head that holds the files of an earlier one."""

from __future__ import annotations

from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git, GitError

TRAILER = "Homeprod-Rollback"
"""In the commit's message: whose files it holds."""


def make_revert(git: Git, head: str, former: str, branch: str, why: str = "") -> str:
    """The commit, signed as git signs for the person; nobody has seen it yet. Raises PromotionError."""
    message = f"Roll {branch} back to {former[:12]}\n\n{f'{why}{_GAP}' if why else ''}{TRAILER}: {former}\n"
    try:
        made = git.run(
            "commit-tree", f"{former}^{{tree}}", "-p", head, "-S", "-F", "-", given=message.encode(), is_patient=True
        )
    except GitError as error:
        raise _explain(error) from error
    return made.decode().strip()


_GAP = "\n\n"
_IDENTITY = """\
tell git who you are, then roll back again:

  git config --global user.name "YOU"
  git config --global user.email YOU@HOME"""
_SIGNING = """\
the control node believes signed commits alone; tell git once which key it signs with, then roll back again:

  git config --global gpg.format ssh
  git config --global user.signingkey ~/.ssh/id_ed25519.pub"""


def _explain(error: GitError) -> PromotionError:
    if "Please tell me who you are" in error.output or "empty ident" in error.output:
        return PromotionError("git does not know who rolls back; nothing was moved", hint=_IDENTITY)
    return PromotionError(f"the commit cannot be signed; nothing was moved: {error.word}", hint=_SIGNING)
