"""Every answer of the lab is one that Proxmox's published API schema declares."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.lab_server import LabServer
from tests.published_schema import check_answer, load_paths
from tests.unit.lab_api.client import Client

NODE = "/nodes/{node}"
VM = f"{NODE}/qemu/{{vmid}}"
STORAGE = f"{NODE}/storage/{{storage}}"
READS = (
    "/version", "/access/ticket", "/access/domains", "/access/permissions", "/cluster", "/cluster/nextid",
    "/cluster/resources", "/cluster/status", "/cluster/tasks", "/nodes", NODE, f"{NODE}/status", f"{NODE}/version",
    f"{NODE}/time", f"{NODE}/tasks", f"{NODE}/tasks/{{upid}}", f"{NODE}/tasks/{{upid}}/status",
    f"{NODE}/tasks/{{upid}}/log", f"{NODE}/qemu", VM, f"{VM}/config", f"{VM}/pending", f"{VM}/status",
    f"{VM}/status/current", f"{NODE}/storage", STORAGE, f"{STORAGE}/status", f"{STORAGE}/content",
    f"{STORAGE}/content/{{volume}}", "/storage", "/storage/{storage}", "/pools", "/pools/{poolid}",
)  # fmt: skip


def fill(path: str, upid: str) -> str:
    values = {
        "node": "pve", "vmid": "100", "storage": "local", "upid": upid, "poolid": "p1",
        "volume": "local:100/vm-100-disk-0.raw",
    }  # fmt: skip
    return re.sub(r"{(\w+)}", lambda match: values[match[1]], path)


def wrong_with(method: str, path: str, data: Any) -> list[str]:
    return list(check_answer(data, load_paths()[path][method].get("returns") or {}, f"{method} {path}"))


def test_reads_are_as_published(lab_server: LabServer, client: Client) -> None:
    assert client.call("POST", "/pools", poolid="p1").status == 200
    upid = client.call(
        "POST", "/nodes/pve/qemu", vmid=100, name="web", scsi0="local:1", net0="virtio,bridge=vmbr0",
        pool="p1", onboot=1, agent=1, tags="a;b", description="a note", start=1, ide2="none,media=cdrom",
    ).data  # fmt: skip
    assert lab_server.run(lab_server.hypervisor.tasks.wait(upid)).exitstatus == "OK"
    client.call("PUT", "/nodes/pve/qemu/100/config", cores=2, delete="agent")
    wrong = [found for path in READS for found in wrong_with("GET", path, client.get(fill(path, upid)))]
    assert wrong == []


@pytest.mark.slow
def test_writes_are_as_published(lab_server: LabServer, client: Client) -> None:
    calls = [
        ("POST", f"{NODE}/qemu", {"vmid": 100, "scsi0": "local:1"}),
        ("PUT", f"{VM}/config", {"name": "web"}),
        ("POST", f"{VM}/config", {"memory": 1024}),
        ("PUT", f"{VM}/resize", {"disk": "scsi0", "size": "2G"}),
        ("POST", f"{VM}/status/start", {}),
        ("POST", f"{VM}/status/reset", {}),
        ("POST", f"{VM}/status/reboot", {}),
        ("POST", f"{VM}/status/shutdown", {}),
        ("POST", f"{VM}/status/stop", {}),
        ("POST", f"{VM}/move_disk", {"disk": "scsi0", "storage": "local-lvm"}),
        ("PUT", f"{VM}/unlink", {"idlist": "unused0", "force": 1}),
        ("POST", f"{STORAGE}/content", {"vmid": 100, "filename": "vm-100-disk-7.raw", "size": "1M"}),
        ("DELETE", f"{STORAGE}/content/{{volume}}", {}),
        ("POST", "/pools", {"poolid": "p1"}),
        ("PUT", "/pools/{poolid}", {"comment": "c"}),
        ("PUT", "/pools", {"poolid": "p1", "vms": 100}),
        ("PUT", "/pools", {"poolid": "p1", "vms": 100, "delete": 1}),
        ("DELETE", "/pools/{poolid}", {}),
        ("DELETE", VM, {"purge": 1}),
    ]
    wrong = []
    for method, path, params in calls:
        answer = client.call(method, fill(path, ""), **params)
        assert answer.status == 200, (method, path, answer)
        wrong += wrong_with(method, path, answer.data)
        if isinstance(answer.data, str) and answer.data.startswith("UPID:"):
            task = lab_server.run(lab_server.hypervisor.tasks.wait(answer.data))
            assert task.exitstatus == "OK", (method, path, task.log)
    assert wrong == []
