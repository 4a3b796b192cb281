"""The fixture itself: its log of calls, and the faults it puts in their way."""

from __future__ import annotations

import http.client

import pytest
from tests.lab_server import InjectedFault, LabServer
from tests.unit.lab_api.client import Client

from homeprod.lab.spec import LabSpec


def test_calls_are_logged(lab_server: LabServer, client: Client) -> None:
    client.get("/cluster/resources", type="vm")
    client.create(100, name="web")
    first, second = lab_server.calls
    assert (first.method, first.path, first.params, first.status) == (
        "GET",
        "/cluster/resources",
        {"type": "vm"},
        200,
    )
    assert (second.path, second.params) == ("/nodes/pve/qemu", {"vmid": "100", "name": "web"})
    assert lab_server.written() == [second]


@pytest.mark.parametrize(("when", "exists"), [("before", False), ("after", True)])
def test_a_call_fails_before_or_after_its_effect(when: str, exists: bool) -> None:
    fault = InjectedFault(when, 596, "Connection timed out")  # type: ignore[arg-type]
    with LabServer(faults={1: fault}) as lab:
        client = Client(lab)
        answer = client.call("POST", "/pools", poolid="p1")
        assert (answer.status, answer.reason) == (596, "Connection timed out")
        assert bool(client.get("/pools")) is exists


@pytest.mark.parametrize(("when", "exists"), [("before", False), ("after", True)])
def test_a_connection_is_cut_before_or_after_the_effect(when: str, exists: bool) -> None:
    with LabServer(faults={1: InjectedFault(when, cut=True)}) as lab:  # type: ignore[arg-type]
        client = Client(lab)
        with pytest.raises((http.client.HTTPException, OSError)):
            client.call("POST", "/pools", poolid="p1")
        assert bool(client.get("/pools")) is exists


def test_a_fault_can_be_chosen_by_the_call(lab_server: LabServer, client: Client) -> None:
    lab_server.on_call = lambda call: InjectedFault(status=595, reason="down") if call.path == "/pools" else None
    assert client.call("GET", "/version").status == 200
    assert client.call("GET", "/pools").status == 595


def test_tasks_can_be_slow() -> None:
    with LabServer(LabSpec("slow", boot=False, task_seconds={"qmcreate": 0.3})) as lab:
        client = Client(lab)
        upid = client.call("POST", "/nodes/pve/qemu", vmid=100).data
        assert client.get(f"/nodes/pve/tasks/{upid}/status")["status"] == "running"
        assert [task["upid"] for task in client.get("/nodes/pve/tasks", source="active")] == [upid]
        assert client.call("GET", "/nodes/pve/qemu/100/config").data["lock"] == "create"
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "OK"
        assert client.get("/nodes/pve/tasks", source="active") == []


def test_a_stopped_task_is_no_success() -> None:
    with LabServer(LabSpec("slow", boot=False, task_seconds={"qmcreate": 60})) as lab:
        client = Client(lab)
        upid = client.call("POST", "/nodes/pve/qemu", vmid=100).data
        assert client.call("DELETE", f"/nodes/pve/tasks/{upid}").status == 200
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "unexpected status"
