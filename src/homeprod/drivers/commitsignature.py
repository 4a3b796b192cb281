"""Whose signature a commit carries, as a control node will see it: git's own check, against the site's signers.

Source: git-config(1), gpg.ssh.allowedSignersFile; ssh-keygen(1), ALLOWED SIGNERS.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git

_UNKNOWN = re.compile(r'^Good "git" signature with \S+ key (\S+)$', re.MULTILINE)
_SETTINGS = {
    "gpg.format": "ssh",
    "gpg.minTrustLevel": "fully",
    # What kind of signature it is says the commit: nothing is started for a kind that is never believed.
    "gpg.openpgp.program": "/bin/false",
    "gpg.x509.program": "/bin/false",
}
_SIGNING = """\
sign it, and promote the signed one:

  git config --global gpg.format ssh
  git config --global user.signingkey ~/.ssh/id_ed25519.pub
  git commit --amend --no-edit -S"""
_SIGNING_VAULT = """\
put a signed commit on top of it, which says that it is right:

  git -C {folder} pull
  git -C {folder} commit --allow-empty -S -m "Sign what came before"
  git -C {folder} push"""


def require_signer(git: Git, commit: str, people: Mapping[str, tuple[str, ...]]) -> str:
    """The person, of those in ``people`` with their public keys. Raises PromotionError where the control node would
    not believe the commit."""
    signer, trouble = _find_signer(git, commit, people)
    if trouble:
        message = f"this commit {trouble}, so its control node will not believe it"
        raise PromotionError(message, where=commit[:12], hint=_SIGNING)
    return signer


def require_vault_signer(git: Git, head: str, people: Mapping[str, tuple[str, ...]]) -> str:
    """The same of the vault's head: what stands in one that is not believed, nothing would be tried with, or run."""
    signer, trouble = _find_signer(git, head, people)
    if trouble:
        message = f"the vault's head {trouble}, so its control node will not believe it"
        hint = _SIGNING_VAULT.format(folder=git.folder)
        raise PromotionError(message, where=head[:12], hint=hint)
    return signer


def _find_signer(git: Git, commit: str, people: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """Who; else why nobody."""
    with tempfile.TemporaryDirectory(prefix="homeprod-") as folder:
        allowed = Path(folder) / "signers"
        allowed.write_text("".join(_write_lines(people)))
        settings = {**_SETTINGS, "gpg.ssh.allowedSignersFile": str(allowed)}
        chosen = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        told = git.ask(*chosen, "show", "-s", "--format=%G?%n%GS%n%GG", commit)
    status, signer, said = [*told.split("\n", 2), "", ""][:3]
    if status == "G" and signer:
        return signer, ""
    return "", _explain(status, said)


def _write_lines(people: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A name as the file can hold it: no spaces, no patterns."""
    return [
        f'{re.sub(r"[^A-Za-z0-9._@-]", "_", person) or "_"} namespaces="git" {" ".join(key.split()[:2])}\n'
        for person, keys in people.items()
        for key in keys
    ]


def _explain(status: str, said: str) -> str:
    if unknown := _UNKNOWN.search(said):
        return f"is signed by a key that nobody may sign with here ({unknown[1]})"
    if status in ("N", ""):
        return "is not signed"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"has a signature that is not right{f': {lines[-1][:200]}' if lines else ''}"
