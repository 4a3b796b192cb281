"""What Proxmox's refusals mean: status, reason and body → one error of ours with its hint.

Proxmox answers 500 for nearly everything, "not found" among it, so its words decide. Every pattern here is one of its
own messages (recorded, or in its sources).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from homeprod.core.errors import DeniedError, NotFoundError, ProxmoxError, TransientError
from homeprod.drivers.proxmox.rights import choose_least, describe_grant
from homeprod.drivers.proxmox.transport.credential import Credential, Token
from homeprod.drivers.proxmox.transport.hint import find_hint, find_parameter_hint

# A hop to another node or daemon that failed: AnyEvent::HTTP's own codes, and those of a proxy in between.
_HOP_FAILED = frozenset({429, 502, 503, 504, 595, 596, 597, 598, 599})
_HOPS = {
    595: "the node cannot be reached from the one that was asked",
    596: "the connection to the node broke off",
    599: "the node did not answer in time",
}
_TRANSIENT = re.compile(
    r"can't lock file '.*' - (got timeout|can't get lock|unable)"
    r"|got lock (request )?timeout|unable to acquire lock|trying to acquire lock"
    r"|cfs-lock '.*' error: |cluster not ready - no quorum|no quorum"
    r"|^(Connection (refused|timed out|reset by peer)|Broken pipe)$|proxy loop detected",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(
    r"does not exist|unable to find configuration file for VM"
    r"|no such (VM|cluster node|task|file|volume|storage|logical volume)"
    r"|No such file or directory|hostname lookup '.*' failed|failed to stat '",
    re.IGNORECASE,
)
_PRIVILEGE = re.compile(r"\b[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)+\b")
_PERMISSION = re.compile(r"Permission check failed \((?P<path>/[^,)]*), (?P<privileges>[^)]*)\)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of 400 or above. ``errors`` maps a parameter to what is wrong with it."""

    method: str
    path: str
    status: int
    message: str
    errors: Mapping[str, str] = field(default_factory=dict)


def read_refusal(method: str, path: str, status: int, reason: str, body: bytes) -> Refusal:
    """The words stand in the body (``message``, ``errors``); older releases have them in the reason phrase alone."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    content = content if isinstance(content, dict) else {}
    found = content.get("errors")
    errors = {str(key): " ".join(str(text).split()) for key, text in found.items()} if isinstance(found, dict) else {}
    message = str(content.get("message") or reason or "").strip()
    return Refusal(method, path, status, message, errors)


def explain_refusal(refusal: Refusal, credential: Credential) -> ProxmoxError:
    """The error of ours for an answer of Proxmox."""
    where = f"{refusal.method} {refusal.path}"
    match refusal.status:
        case 401:
            return _explain_unknown(refusal, credential)
        case 403:
            return _explain_denied(refusal, credential)
        case 400 if refusal.errors:
            return _explain_parameters(refusal, where)
        case 501:
            return ProxmoxError(
                f"this Proxmox does not know {where}",
                hint="its release is older or newer than homeprod expects: see `homeprod doctor`",
            )
        case status if status in _HOP_FAILED:
            words = _HOPS.get(status, refusal.message or "a hop in between failed")
            return TransientError(f"{words} (status {status})", where=where, hint="see `pvecm status` on the node")
    if refusal.status == 404:
        words = refusal.message or "not found"
        return NotFoundError(words, where=where, hint="check host, port and path of the endpoint")
    return explain_words(refusal.message or f"status {refusal.status} without a word", where)


def explain_words(words: str, where: str) -> ProxmoxError:
    """Proxmox's own words, from an answer or a task's end, as the kind of error that they mean."""
    text = words.strip().rstrip(".")
    hint = find_hint(text, where)
    if denied := _PERMISSION.search(text):
        return DeniedError(text, where=where, hint=f"grant {denied['privileges']} on {denied['path']}")
    if _TRANSIENT.search(text):
        return TransientError(text, where=where, hint=hint)
    if _NOT_FOUND.search(text) and not re.search(r"bridge '|invalid bootorder", text):
        return NotFoundError(text, where=where, hint=hint)
    return ProxmoxError(text, where=where, hint=hint)


def _explain_unknown(refusal: Refusal, credential: Credential) -> DeniedError:
    said = f" ({refusal.message})" if refusal.message else ""
    if isinstance(credential, Token):
        return DeniedError(
            f"the API token {credential} is not accepted{said}",
            hint="either its secret is wrong, or it has expired or was removed; see on a Proxmox node:\n"
            f"    pveum user token list {credential.user}",
        )
    return DeniedError(
        f"the log-in of {credential} is not accepted{said}",
        hint="check user, realm and password; an account with a second factor needs an API token instead",
    )


def _explain_denied(refusal: Refusal, credential: Credential) -> DeniedError:
    where = f"{refusal.method} {refusal.path}"
    found = _PERMISSION.search(refusal.message) or _PERMISSION.search(_name_privilege(refusal))
    privileges = _PRIVILEGE.findall(found["privileges"]) if found is not None else []
    if found is None or not privileges:
        words = refusal.message or "permission denied"
        return DeniedError(f"{credential} may not do this: {words}", where=where, hint=find_hint(words, where))
    token = credential.name if isinstance(credential, Token) else ""
    least = choose_least(privileges)
    return DeniedError(
        f"{credential} lacks {' or '.join(privileges)} on {found['path']}",
        where=where,
        hint=describe_grant(found["path"], [least], credential.user, token),
    )


def _name_privilege(refusal: Refusal) -> str:
    """The create call alone is refused without naming what lacks (recorded): the machine's own path or that of its
    pool would do, so Proxmox names neither."""
    is_create = refusal.method == "POST" and re.fullmatch(r"/nodes/[^/]+/qemu", refusal.path)
    return "Permission check failed (/vms, VM.Allocate)" if is_create else ""


def _explain_parameters(refusal: Refusal, where: str) -> ProxmoxError:
    wrong = "; ".join(f"{name}: {text.rstrip('.')}" for name, text in sorted(refusal.errors.items()))
    kind = NotFoundError if any(_NOT_FOUND.search(text) for text in refusal.errors.values()) else ProxmoxError
    return kind(f"Proxmox does not accept {wrong}", where=where, hint=find_parameter_hint(wrong))
