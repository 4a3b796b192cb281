"""Whose signature a commit carries: git's own check of an SSH or an OpenPGP signature.

Source: git-config(1), gpg.ssh.allowedSignersFile; ssh-keygen(1), ALLOWED SIGNERS; gnupg, doc/DETAILS (status lines).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from .git import Git
from .problem import Problem
from .process import run
from .settings import Policy

_GOOD = re.compile(r'^Good "git" signature for (\S+) with \S+ key (\S+)$', re.MULTILINE)
_UNKNOWN = re.compile(r'^Good "git" signature with \S+ key (\S+)$', re.MULTILINE)
_HINT = "have it signed by somebody who may, and pushed again"


def find_signer(git: Git, commit: str, policy: Policy, homes: Path) -> str:
    """The person, by the signers' file or by the OpenPGP key. ``homes`` is a folder for what gpg keeps. Raises
    Problem where nobody signed it, somebody unknown did, or what was signed is another thing."""
    kind = _find_kind(git.ask("cat-file", "commit", commit).output)
    if kind == "ssh":
        return _find_ssh_signer(git, commit, policy)
    if kind == "openpgp":
        return _find_openpgp_signer(git, commit, policy, homes)
    raise Problem(
        "is not signed" if not kind else f"has a signature of a kind that is never believed ({kind})", _HINT
    )


def _find_kind(text: str) -> str:
    header, _, _ = text.partition("\n\n")
    begin = re.search(r"^gpgsig(?:-sha256)? (.*)$", header, re.MULTILINE)
    if begin is None:
        return ""
    kinds = {"-----BEGIN SSH SIGNATURE-----": "ssh", "-----BEGIN PGP SIGNATURE-----": "openpgp"}
    return kinds.get(begin[1].strip(), begin[1].strip("- "))


def _find_ssh_signer(git: Git, commit: str, policy: Policy) -> str:
    if not policy.signers:
        raise Problem("is signed by SSH, and nobody may sign so here", _HINT)
    chosen = {"gpg.format": "ssh", "gpg.ssh.allowedSignersFile": policy.signers, "gpg.minTrustLevel": "fully"}
    done = git.try_to("verify-commit", commit, settings=chosen)
    if done.code == 0 and (good := _GOOD.search(done.said)):
        return good[1]
    if unknown := _UNKNOWN.search(done.said):
        raise Problem(f"is signed by a key that may not sign ({unknown[1]})", _HINT)
    raise Problem(f"has a signature that is not right: {_take_last(done.said)}", _HINT)


def _find_openpgp_signer(git: Git, commit: str, policy: Policy, homes: Path) -> str:
    if not policy.keyring:
        raise Problem("is signed by OpenPGP, and nobody may sign so here", _HINT)
    home = _import_keys(Path(policy.keyring), homes)
    done = git.try_to("verify-commit", "--raw", commit, variables={"GNUPGHOME": str(home)})
    told = [line.removeprefix("[GNUPG:] ").split(" ", 2) for line in done.said.splitlines() if "[GNUPG:]" in line]
    words = {line[0]: line[1:] for line in told}
    # GOODSIG is said of a key that is neither expired nor revoked alone: those have words of their own.
    if done.code == 0 and "GOODSIG" in words and "VALIDSIG" in words:
        return f"{' '.join(words['GOODSIG'][1:])} ({words['VALIDSIG'][0][-16:]})"
    if "NO_PUBKEY" in words:
        raise Problem(f"is signed by a key that may not sign ({words['NO_PUBKEY'][0]})", _HINT)
    for word, meaning in (("EXPKEYSIG", "has expired"), ("REVKEYSIG", "was revoked"), ("EXPSIG", "is past")):
        if word in words:
            raise Problem(f"is signed by a key that {meaning} ({words[word][0]})", _HINT)
    raise Problem(f"has a signature that is not right: {_take_last(done.said)}", _HINT)


def _import_keys(keyring: Path, homes: Path) -> Path:
    """A home of gpg's with these keys and no others."""
    try:
        digest = hashlib.sha256(keyring.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise Problem(f"cannot be verified: {keyring}: {error.strerror}", "run the playbook again") from error
    home = homes / f"gpg-{digest}"
    if (home / "whole").exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "GNUPGHOME": str(home), "LC_ALL": "C"}
    done = run(("gpg", "--batch", "--quiet", "--no-autostart", "--import", str(keyring)), 30, env=env)
    if done.code:
        raise Problem(f"cannot be verified: gpg does not take {keyring}: {_take_last(done.said)}")
    (home / "whole").touch()
    return home


def _take_last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "git says nothing"
