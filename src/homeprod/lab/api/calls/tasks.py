"""Tasks: lists, status, log, and stopping one."""

from __future__ import annotations

import re
from typing import Any

from homeprod.lab.api import formats as f
from homeprod.lab.api.error import refuse_parameters
from homeprod.lab.api.routing import Call, Reply, Route
from homeprod.lab.api.schema import Prop
from homeprod.lab.task import UNEXPECTED, Task

_UPID = re.compile(
    r"UPID:([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:"
    r"[^:\s]+:\Z"
)

ENDED_SHOWN = 25


def _verify_upid(call: Call) -> str:
    upid = call.text("upid")
    if not _UPID.match(upid):
        raise refuse_parameters({"upid": "unable to parse worker upid"})
    return upid


def _find(call: Call) -> Task:
    task = call.hypervisor.tasks.find(_verify_upid(call))
    if task is None:
        raise refuse_parameters({"upid": "no such task"})
    if not _is_of_caller(call, task):
        call.require(f"/nodes/{call.node}", "Sys.Audit")
    return task


def _is_of_caller(call: Call, task: Task) -> bool:
    """A token sees its own tasks, a user also those of the user's tokens."""
    return call.who.id in (task.user, task.user.partition("!")[0])


def _show(task: Task) -> dict[str, Any]:
    """Proxmox names the user and the token's id apart, though its UPID has both in one."""
    user, _, token_id = task.user.partition("!")
    entry: dict[str, Any] = {
        "upid": task.upid,
        "node": task.node,
        "pid": task.pid,
        "pstart": task.pstart,
        "starttime": task.starttime,
        "type": task.kind,
        "id": task.id,
        "user": user,
    }
    if token_id:
        entry["tokenid"] = token_id
    if not task.is_running:
        entry |= {"endtime": task.endtime, "status": task.exitstatus}
    return entry


def list_tasks(call: Call) -> Reply:
    """Running ones first, then the newest; ``source`` chooses between running and ended ones. A limit of 0 gives
    none."""
    source = call.text("source", "archive")
    sees_all = call.holds(f"/nodes/{call.node}", "Sys.Audit")
    known = call.hypervisor.tasks
    tasks = [
        task
        for task in (known.list_running() if source == "active" else known.list_tasks())
        if task.node == call.node
        and (source == "all" or task.is_running == (source == "active"))
        and (sees_all or _is_of_caller(call, task))
        and _matches(call, task)
    ]
    tasks.sort(key=lambda task: not task.is_running)
    start, limit = call.number("start", 0), call.number("limit", 50)
    page = [{"status": "RUNNING", **_show(task)} for task in tasks[start : start + limit]]
    return Reply(page, {"total": len(tasks)})


def _status_type(task: Task) -> str:
    status = task.exitstatus
    if status is None or status == UNEXPECTED:
        return "unknown"
    if status.startswith("WARNINGS"):
        return "warning"
    return "ok" if status == "OK" else "error"


def _matches(call: Call, task: Task) -> bool:
    """``errors`` leaves out only what went well, and ``statusfilter`` counts for nothing beside it."""
    kinds = f.split_list(call.text("statusfilter").lower())
    if call.flag("errors"):
        kinds = ["warning", "error", "unknown"]
    if kinds and _status_type(task) not in kinds:
        return False
    if (vmid := call.params.get("vmid")) is not None and task.id != vmid:
        return False
    if (kind := call.text("typefilter")) and task.kind != kind:
        return False
    if (user := call.text("userfilter")) and user.lower() not in task.user.partition("!")[0].lower():
        return False
    return call.number("since", 0) <= task.starttime <= call.number("until", 2**62)


def list_cluster_tasks(call: Call) -> list[dict[str, Any]]:
    """Of each node what runs, and the last 25 that have ended."""
    sees_all = call.holds("/", "Sys.Audit")
    left = dict.fromkeys(call.hypervisor.spec.nodes, ENDED_SHOWN)
    shown = []
    for task in call.hypervisor.tasks.list_tasks():
        if not task.is_running:
            left[task.node] = left.get(task.node, 0) - 1
        if (task.is_running or left[task.node] >= 0) and (sees_all or _is_of_caller(call, task)):
            shown.append(_show(task))
    return shown


def read_task(call: Call) -> list[dict[str, str]]:
    _verify_upid(call)
    return [{"name": "log"}, {"name": "status"}]


def read_status(call: Call) -> dict[str, Any]:
    task = _find(call)
    entry = _show(task)
    entry.pop("endtime", None)
    entry["status"] = "running" if task.is_running else "stopped"
    if not task.is_running:
        entry["exitstatus"] = task.exitstatus
    return entry


def read_log(call: Call) -> Reply:
    """Lines from ``start``, at most ``limit`` of them (0: all). A task nobody knows has a log that says so."""
    upid = _verify_upid(call)
    if call.hypervisor.tasks.find(upid) is None:
        return Reply([{"n": 1, "t": "unable to open file - No such file or directory"}], {"total": 1})
    lines = _find(call).log
    start, limit = call.number("start", 0), call.number("limit", 50)
    page = list(enumerate(lines, 1))[start : start + limit if limit else None]
    if not lines:
        return Reply([{"n": 1, "t": "no content"}], {"total": 1})
    return Reply([{"n": number, "t": text} for number, text in page], {"total": len(lines)})


def stop_task(call: Call) -> None:
    task = _find(call)
    if not _is_of_caller(call, task):
        call.require(f"/nodes/{call.node}", "Sys.Modify")
    call.hypervisor.tasks.stop(task.upid)


_LOG_TABLE = {
    "start": Prop("integer", minimum=0),
    "limit": Prop("integer", minimum=0),
    "download": Prop("boolean"),
}
_LIST_TABLE = {
    "start": Prop("integer", minimum=0),
    "limit": Prop("integer", minimum=0),
    "errors": Prop("boolean"),
    "since": Prop("integer"),
    "until": Prop("integer"),
    "source": Prop(enum=("archive", "active", "all")),
    "typefilter": Prop(),
    "userfilter": Prop(),
    "vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999),
    "statusfilter": Prop(form=f.each(f.status_type)),
}
ROUTES: tuple[Route, ...] = (
    Route("GET", "/cluster/tasks", list_cluster_tasks),
    Route("GET", "/nodes/{node}/tasks", list_tasks, _LIST_TABLE),
    Route("GET", "/nodes/{node}/tasks/{upid}", read_task),
    Route("DELETE", "/nodes/{node}/tasks/{upid}", stop_task),
    Route("GET", "/nodes/{node}/tasks/{upid}/status", read_status),
    Route("GET", "/nodes/{node}/tasks/{upid}/log", read_log, _LOG_TABLE),
)
