"""``/nodes/N/tasks`` as typed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from homeprod.plan.record import TaskRecord

RUNNING = "RUNNING"
"""The status that a list gives a task without one (pve-manager, API2/Tasks.pm)."""


def decode_tasks(items: Iterable[Mapping[str, Any]]) -> tuple[TaskRecord, ...]:
    """In the order given: those that run, then the newest first."""
    return tuple(_decode_task(item) for item in items)


def _decode_task(item: Mapping[str, Any]) -> TaskRecord:
    status, end = item.get("status"), item.get("endtime")
    return TaskRecord(
        upid=str(item["upid"]),
        node=str(item["node"]),
        kind=str(item["type"]),
        about=str(item.get("id") or ""),
        user=_join_user(str(item["user"]), str(item.get("tokenid") or "")),
        start=int(item["starttime"]),
        end=int(end) if end is not None else None,
        status=None if status == RUNNING else str(status or "") if end is not None else None,
    )


def _join_user(user: str, token_id: str) -> str:
    """Proxmox gives a token's user and id apart, or both in one beside the id."""
    return f"{user}!{token_id}" if token_id and "!" not in user else user
