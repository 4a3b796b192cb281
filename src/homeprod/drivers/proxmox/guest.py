"""The guest agent: whether it answers, and small files read through it. Never exec."""

from __future__ import annotations

import re

from homeprod.core.errors import ProxmoxError
from homeprod.drivers.proxmox.transport.connection import Connection, join_path

_NO_AGENT = re.compile(
    r"QEMU guest agent is not running|No QEMU guest agent configured|VM \d+ (is )?not running"
    r"|qmp command 'guest-[a-z-]+' failed - (got timeout|unable to connect|client closed connection)",
    re.IGNORECASE,
)
_NO_FILE = re.compile(
    r"failed to open file '.*'.*(No such file or directory|Not a directory)", re.IGNORECASE | re.DOTALL
)


def ping_agent(connection: Connection, node: str, vmid: int) -> bool:
    """Whether the agent answers now; the errors that mean "not yet" are no errors here."""
    try:
        connection.post(join_path("nodes", node, "qemu", vmid, "agent", "ping"))
    except ProxmoxError as error:
        if _NO_AGENT.search(error.message):
            return False
        raise
    return True


def read_guest_file(connection: Connection, node: str, vmid: int, path: str) -> str | None:
    """A file's text; None where the agent does not answer or the file is not there. Proxmox reads 16 MiB at most and
    then says ``truncated``: such a file is no small one, and an error."""
    try:
        answer = connection.get(join_path("nodes", node, "qemu", vmid, "agent", "file-read"), file=path)
    except ProxmoxError as error:
        if _NO_AGENT.search(error.message) or _NO_FILE.search(error.message):
            return None
        raise
    if answer.get("truncated") in (1, "1", True):
        raise ProxmoxError(
            "the file is too large to be read through the guest agent",
            where=f"VM {vmid}:{path}",
            hint="look at it in the guest: cloud-init writes some KiB there",
        )
    return repair_text(str(answer.get("content") or ""))


def repair_text(text: str) -> str:
    """Proxmox hands the file's bytes on as if each were a character of its own (Latin-1); put them together again
    where that gives UTF-8, and leave what was right already."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
