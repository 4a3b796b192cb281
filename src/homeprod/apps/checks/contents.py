"""Every file of the repository, whatever it is for: nothing secret, nothing that does not arrive on a host."""

from __future__ import annotations

import posixpath
import re

from homeprod.apps.allowance import Need
from homeprod.apps.host import HOSTS, SHARED
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.secret import find_secret
from homeprod.core.tree import File, Kind, Tree

_VAULT = re.compile(r"(?:.*[._-])?vault\.ya?ml")
_VAULT_HEADER = b"$ANSIBLE_VAULT;"
_SOPS = re.compile(rb"^\s*(?:\"?sops\"?:|sops_(?:mac|version)=)|ENC\[AES256_GCM,data:", re.MULTILINE)
_GIT_CRYPT = b"\x00GITCRYPT\x00"
_ANSIBLE = "keep it in the vault repository, and let the role app_host lay it down in /etc/homeprod/apps/APP/"


def check_contents(tree: Tree, sheet: Sheet) -> None:
    for path, file in tree:
        place = Place(path)
        if file.kind is Kind.SUBMODULE:
            hint = "put its files in, or let the app come from that repository by its own url and branch"
            sheet.refuse(place, "is a submodule: Harbormaster would find an empty folder", hint)
        elif path == ".gitmodules":
            sheet.refuse(place, "declares submodules, which Harbormaster leaves empty", "put their files in")
        elif file.kind is Kind.LINK:
            _check_link(path, file, sheet)
        elif file.content is None:
            sheet.note(
                place, "is too large to be looked into", "keep what is large in an image or on the host's disk"
            )
        else:
            _check_sealed(path, file.content, sheet)


def find_secrets(path: str, content: bytes, app: str) -> list[Need]:
    """Where something looks secret, at most once a file."""
    kind = find_secret(content) if not _is_sealed(content) else None
    if kind is None:
        return []
    lines = content.split(b"\n")
    line = next((number for number, one in enumerate(lines, 1) if find_secret(one)), 0) or _bisect(lines)
    message, advice = f"holds what looks like {kind}", f"{_ANSIBLE}; if it is none,"
    return [Need(app, f"not a secret {path}", Place(path, line), message, advice)]


def _bisect(lines: list[bytes]) -> int:
    """The line with which the whole begins to look secret."""
    low, high = 1, len(lines)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if find_secret(b"\n".join(lines[:middle])) else (middle + 1, high)
    return low


def _check_link(path: str, file: File, sheet: Sheet) -> None:
    """It must stay in the app's folder, the only part of the repository that arrives on the host."""
    target = (file.content or b"").decode(errors="replace")
    home = find_home(path)
    leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or not (leads_to == home or leads_to.startswith(f"{home}/" if home else "")):
        where = f"{home}/" if home else "the repository"
        sheet.refuse(
            Place(path), f"is a link that leaves {where}: it leads to {target[:80]}", "put the file itself there"
        )
    elif not home and leads_to.startswith("../"):
        sheet.refuse(Place(path), f"is a link that leaves the repository: it leads to {target[:80]}", "take it away")


def find_home(path: str) -> str:
    """The app's folder that it lies in; empty for what belongs to no app."""
    parts = path.split("/")
    if parts[0] == HOSTS and len(parts) > 3:
        return "/".join(parts[:3])
    return "/".join(parts[:2]) if parts[0] == SHARED and len(parts) > 2 else ""


def _check_sealed(path: str, content: bytes, sheet: Sheet) -> None:
    place = Place(path)
    if _VAULT.fullmatch(posixpath.basename(path)) and not content.startswith(_VAULT_HEADER):
        sheet.refuse(
            place, "is called a vault file, and is not encrypted", f"take it out of git's history too; {_ANSIBLE}"
        )
    elif content.startswith(_VAULT_HEADER):
        sheet.refuse(place, "is Ansible Vault text, which nobody opens on the way to a host", _ANSIBLE)
    elif content.startswith(_GIT_CRYPT):
        sheet.refuse(place, "is encrypted by git-crypt, which nobody opens on the way to a host", _ANSIBLE)
    elif found := _SOPS.search(content):
        at = Place(path, content.count(b"\n", 0, found.end()) + 1)
        sheet.refuse(at, "is encrypted by sops: Harbormaster would hand on what is written as it is", _ANSIBLE)


def _is_sealed(content: bytes) -> bool:
    return content.startswith((_VAULT_HEADER, _GIT_CRYPT)) or _SOPS.search(content) is not None
