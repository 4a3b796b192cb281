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


def _verify_upid(call: Call) -> str:
    upid = call.text("upid")
    if not _UPID.match(upid):
        raise refuse_parameters({"upid": "unable to parse worker upid"})
    return upid


def _find(call: Call) -> Task:
    task = call.hypervisor.tasks.find(_verify_upid(call))
    if task is None:
        raise refuse_parameters({"upid": "no such task"})
    if task.user != call.who.id and task.user.partition("!")[0] != call.who.id:
        call.require(f"/nodes/{call.node}", "Sys.Audit")
    return task


def _show(task: Task) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "upid": task.upid,
        "node": task.node,
        "pid": task.pid,
        "pstart": task.pstart,
        "starttime": task.starttime,
        "type": task.kind,
        "id": task.id,
        "user": task.user,
    }
    if not task.is_running:
        entry |= {"endtime": task.endtime, "status": task.exitstatus}
    return entry


def _is_error(task: Task) -> bool:
    return not task.is_running and task.exitstatus != "OK" and not str(task.exitstatus).startswith("WARNINGS")


def list_tasks(call: Call) -> Reply:
    """The newest first; ``source`` chooses between running and ended ones."""
    source = call.text("source", "archive")
    sees_all = call.holds(f"/nodes/{call.node}", "Sys.Audit")
    known = call.hypervisor.tasks
    tasks = [
        task
        for task in (known.list_running() if source == "active" else known.list_tasks())
        if task.node == call.node
        and (source == "all" or task.is_running == (source == "active"))
        and (sees_all or task.user == call.who.id)
        and _matches(call, task)
    ]
    start, limit = call.number("start", 0), call.number("limit", 50)
    page = tasks[start : start + limit] if limit else tasks[start:]
    return Reply([_show(task) for task in page], {"total": len(tasks)})


def _status_type(task: Task) -> str:
    status = task.exitstatus
    if status is None or status == UNEXPECTED:
        return "unknown"
    if status.startswith("WARNINGS"):
        return "warning"
    return "ok" if status == "OK" else "error"


def _matches(call: Call, task: Task) -> bool:
    if call.flag("errors") and not _is_error(task):
        return False
    if (kinds := f.split_list(call.text("statusfilter"))) and _status_type(task) not in kinds:
        return False
    if (vmid := call.params.get("vmid")) is not None and task.id != vmid:
        return False
    if (kind := call.text("typefilter")) and task.kind != kind:
        return False
    if (user := call.text("userfilter")) and user.lower() not in task.user.lower():
        return False
    return call.number("since", 0) <= task.starttime <= call.number("until", 2**62)


def list_cluster_tasks(call: Call) -> list[dict[str, Any]]:
    sees_all = call.holds("/", "Sys.Audit")
    shown = [task for task in call.hypervisor.tasks.list_tasks() if sees_all or task.user == call.who.id]
    return [_show(task) for task in shown[:25]]


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
    if task.user != call.who.id:
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
