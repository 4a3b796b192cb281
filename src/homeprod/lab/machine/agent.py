"""The guest agent through the API: Proxmox's own calls over the runner's channel."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from homeprod.core.errors import LabError
from homeprod.lab.api.error import ApiError
from homeprod.lab.api.routing import Call
from homeprod.lab.machine.view import facts_of
from homeprod.lab.ports import AgentNotRunningError

CHUNK = 1024 * 1024
READ_LIMIT = 16 * 1024 * 1024
"""Bytes that one file-read returns at most."""


async def _ask(call: Call, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """Raises ApiError in Proxmox's words when there is no agent, or it refuses."""
    hypervisor = call.hypervisor
    machine = hypervisor.machines.read(call.node, call.vmid)
    if not facts_of(machine, hypervisor.release).has_agent:
        raise ApiError("No QEMU guest agent configured")
    if not hypervisor.is_running(call.vmid):
        raise ApiError(f"VM {call.vmid} is not running")
    try:
        return await hypervisor.runner.call_agent(call.vmid, command, arguments or {})
    except AgentNotRunningError:
        raise ApiError("QEMU guest agent is not running") from None
    except LabError as error:
        raise ApiError(f"Agent error: {error.message}") from error


async def ping_agent(call: Call) -> dict[str, Any]:
    return {"result": await _ask(call, "guest-ping")}


async def read_os(call: Call) -> dict[str, Any]:
    return {"result": await _ask(call, "guest-get-osinfo")}


async def read_interfaces(call: Call) -> dict[str, Any]:
    return {"result": await _ask(call, "guest-network-get-interfaces")}


async def read_file(call: Call) -> dict[str, Any]:
    """The file's content as text, cut at 16 MiB; bytes that are no UTF-8 are replaced."""
    handle = await _ask(call, "guest-file-open", {"path": call.text("file"), "mode": "r"})
    try:
        if offset := call.number("offset", 0):
            await _ask(call, "guest-file-seek", {"handle": handle, "offset": offset, "whence": 0})
        content, is_whole = await _read_all(call, handle, call.number("count", READ_LIMIT))
    finally:
        await _ask(call, "guest-file-close", {"handle": handle})
    text = content.decode("utf-8", "replace")
    if not call.flag("decode", default=True):
        text = base64.b64encode(content).decode()
    answer: dict[str, Any] = {"content": text, "bytes-read": len(content)}
    return answer if is_whole else {**answer, "truncated": 1}


async def _read_all(call: Call, handle: int, limit: int) -> tuple[bytes, bool]:
    content = b""
    while len(content) < limit:
        count = min(CHUNK, limit - len(content))
        chunk = await _ask(call, "guest-file-read", {"handle": handle, "count": count})
        content += base64.b64decode(chunk.get("buf-b64", ""))
        if chunk.get("eof") or not chunk.get("count"):
            return content, True
    return content, False
