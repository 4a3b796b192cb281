"""UPIDs, paged logs, warnings, and the locks that tasks wait for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.lab.spec import LabSpec, StorageSpec

UPID = re.compile(r"UPID:pve:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:qmcreate:100:root@pam!homeprod:")


def test_a_upid_has_proxmoxs_form(client: Client) -> None:
    assert UPID.fullmatch(client.call("POST", "/nodes/pve/qemu", vmid=100).data)


def test_a_log_is_read_by_pages(lab_server: LabServer, client: Client) -> None:
    async def work(task: object) -> None:
        for number in range(120):
            task.say(f"line {number}")  # type: ignore[attr-defined]

    upid = lab_server.do(lambda h: h.tasks.start("pve", "test", "", "root@pam", work))
    lab_server.run(lab_server.hypervisor.tasks.wait(upid))
    path = f"/nodes/pve/tasks/{upid}/log"
    first = client.call("GET", path)
    assert (len(first.data), first.total) == (50, 121)
    assert first.data[0] == {"n": 1, "t": "line 0"}
    last = client.get(path, start=100, limit=50)
    assert (len(last), last[-1]) == (21, {"n": 121, "t": "TASK OK"})
    assert len(client.get(path, limit=0)) == 121


def test_warnings_are_counted(lab_server: LabServer, client: Client) -> None:
    async def work(task: object) -> None:
        task.warn("look out")  # type: ignore[attr-defined]

    upid = lab_server.do(lambda h: h.tasks.start("pve", "test", "", "root@pam", work))
    lab_server.run(lab_server.hypervisor.tasks.wait(upid))
    assert client.get(f"/nodes/pve/tasks/{upid}/status")["exitstatus"] == "WARNINGS: 1"
    assert [line["t"] for line in client.get(f"/nodes/pve/tasks/{upid}/log")] == [
        "WARN: look out",
        "TASK WARNINGS: 1",
    ]


def test_a_machines_lock_times_out(lab_server: LabServer, client: Client) -> None:
    """A create waits one second for the lock, so this is quick; other operations wait ten."""
    held = asyncio.Event()

    async def hold() -> None:
        async with lab_server.hypervisor.machines.lock(100):
            held.set()
            await asyncio.sleep(3)

    async def begin() -> None:
        lab_server.keeper = asyncio.create_task(hold())  # type: ignore[attr-defined]
        await held.wait()

    lab_server.run(begin())
    status = client.run("POST", "/nodes/pve/qemu", vmid=100)
    words = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"
    assert status == f"unable to create VM 100 - {words}"
    assert client.call("GET", "/nodes/pve/qemu/100/config").status == 500
    lab_server.do(lambda _: lab_server.keeper.cancel())  # type: ignore[attr-defined]


def test_a_failed_create_leaves_nothing(lab_server: LabServer, client: Client) -> None:
    status = client.run(
        "POST", "/nodes/pve/qemu", vmid=100, scsi0="local-lvm:1", scsi1="local-lvm:0,import-from=local:import/no.raw"
    )
    assert status == "unable to create VM 100 - failed to stat '/var/lib/vz/import/no.raw'"
    assert client.call("GET", "/nodes/pve/qemu/100/config").status == 500
    assert client.get("/nodes/pve/storage/local-lvm/content") == []
    assert not list(lab_server.hypervisor.volumes.path("local-lvm:x").parent.glob("*"))


def test_a_full_storage_takes_no_more(tmp_path: Path) -> None:
    small = LabSpec("full", boot=False, storages=(StorageSpec("local", size=4096),))
    with LabServer(small, tmp_path) as lab:
        client = Client(lab)
        source = lab.hypervisor.volumes.path("local:import/a.raw")
        source.parent.mkdir(parents=True)
        source.write_bytes(b"x" * 8192)
        lab.do(lambda hypervisor: hypervisor.catalog.add("local:import/a.raw", 8192))
        status = client.run("POST", "/nodes/pve/qemu", vmid=100, scsi0="local:0,import-from=local:import/a.raw")
        assert status.endswith("No space left on device")
        assert client.call("GET", "/nodes/pve/qemu/100/config").status == 500


def test_stop_can_overrule_a_shutdown_that_waits(lab_server: LabServer, client: Client) -> None:
    client.create(100, start=1)

    async def never(vmid: int, timeout: float) -> bool:
        await asyncio.sleep(timeout)
        return False

    lab_server.hypervisor.runner.shutdown = never  # type: ignore[method-assign]
    waiting = client.call("POST", "/nodes/pve/qemu/100/status/shutdown", timeout=60).data
    assert client.run("POST", "/nodes/pve/qemu/100/status/stop", overrule_shutdown=1) == "OK"
    assert lab_server.run(lab_server.hypervisor.tasks.wait(waiting)).exitstatus == "unexpected status"
    assert client.get("/nodes/pve/qemu/100/status/current")["status"] == "stopped"
