"""Whose signature a commit carries: git's own check of an SSH signature, against those who may sign.

Source: git-config(1), gpg.ssh.allowedSignersFile; ssh-keygen(1), ALLOWED SIGNERS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from homeprod.control.repositories.errors import GitError
from homeprod.control.repositories.git import Git
from homeprod.control.settings import KeyOwner

_GOOD = re.compile(r'^Good "git" signature for (\S+) with \S+ key \S+$', re.MULTILINE)
_UNKNOWN = re.compile(r'^Good "git" signature with \S+ key (\S+)$', re.MULTILINE)


class UnbelievedError(Exception):
    """The commit may not run; the text says why."""


def write_signers(file: Path, signers: Sequence[KeyOwner]) -> None:
    lines = [f'{_name(one.person)} namespaces="git" {" ".join(one.key.split()[:2])}\n' for one in signers]
    file.write_text("".join(lines))


async def find_signer(git: Git, commit: str, signers_file: Path) -> str:
    """The person. Raises UnbelievedError where nobody signed it, somebody unknown did, or what was signed is another
    thing."""
    settings = {
        "gpg.format": "ssh",
        "gpg.ssh.allowedSignersFile": str(signers_file),
        "gpg.ssh.program": "ssh-keygen",
        "gpg.minTrustLevel": "fully",
        # What kind of signature it is says the commit: nothing is started for a kind that is never believed.
        "gpg.openpgp.program": "/bin/false",
        "gpg.x509.program": "/bin/false",
    }
    try:
        _, said = await git.run_both("verify-commit", commit, settings=settings)
    except GitError as error:
        said = error.output
        if unknown := _UNKNOWN.search(said):
            raise UnbelievedError(f"is signed by a key that may not sign ({unknown[1]})") from error
        if not said.strip():
            raise UnbelievedError("is not signed") from error
        raise UnbelievedError(f"has a signature that is not right: {said.strip().splitlines()[-1]}") from error
    if good := _GOOD.search(said):
        return good[1]
    raise UnbelievedError("has a signature that git does not name a person for")


def _name(person: str) -> str:
    """As the file can hold it: no spaces, no patterns."""
    return re.sub(r"[^A-Za-z0-9._@-]", "_", person) or "_"
