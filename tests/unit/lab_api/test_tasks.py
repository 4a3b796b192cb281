"""UPIDs, paged logs, warnings, and the locks that tasks wait for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.lab.api.error import ApiError
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


def _start(lab_server: LabServer, kind: str, task_id: str, user: str, status: str = "") -> str:
    async def work(task: object) -> None:
        if status == "hangs":
            await asyncio.sleep(60)
        if status:
            raise ApiError(status)

    upid = lab_server.do(lambda h: h.tasks.start("pve", kind, task_id, user, work))
    if status != "hangs":
        lab_server.run(lab_server.hypervisor.tasks.wait(upid))
    return str(upid)


def test_a_list_is_filtered_as_proxmox_filters_it(lab_server: LabServer, client: Client) -> None:
    """Against pve-manager's API2/Tasks.pm: what runs comes first as RUNNING, a token's id stands apart, ``errors``
    leaves out what went well and overrules ``statusfilter``, users are found without their tokens, 0 is none."""
    made = _start(lab_server, "qmcreate", "100", "root@pam!cli")
    failed = _start(lab_server, "qmstart", "100", "ann@pve", "no such image")
    other = _start(lab_server, "qmstart", "101", "ann@pve")
    hangs = _start(lab_server, "vzdump", "100", "bob@pve", "hangs")

    def find(**filters: object) -> list[str]:
        return [task["upid"] for task in client.get("/nodes/pve/tasks", **filters)]

    assert find() == [other, failed, made]
    assert find(source="active") == [hangs]
    assert find(source="all") == [hangs, other, failed, made]
    assert find(source="all", vmid=100) == [hangs, failed, made]
    assert find(errors=1) == find(errors=1, statusfilter="ok") == find(statusfilter="error") == [failed]
    assert find(userfilter="ROOT") == [made]
    assert find(userfilter="cli") == []
    assert find(typefilter="qmstart", start=1, limit=5) == [failed]
    assert find(limit=0) == []
    shown = {task["upid"]: task for task in client.get("/nodes/pve/tasks", source="all")}
    assert (shown[made]["user"], shown[made]["tokenid"], shown[made]["status"]) == ("root@pam", "cli", "OK")
    assert (shown[hangs]["status"], "endtime" in shown[hangs], "tokenid" in shown[hangs]) == ("RUNNING", False, False)


def test_the_cluster_lists_what_runs_and_the_last_25_that_ended(lab_server: LabServer, client: Client) -> None:
    hangs = _start(lab_server, "vzdump", "100", "bob@pve", "hangs")
    ended = [_start(lab_server, "qmstart", "100", "ann@pve") for _ in range(27)]
    assert [task["upid"] for task in client.get("/cluster/tasks")] == [*reversed(ended[2:]), hangs]


def test_a_token_without_audit_sees_its_own_tasks_alone(lab_server: LabServer) -> None:
    token = lab_server.add_token("less", {"/": set()})
    own = _start(lab_server, "qmstart", "100", "root@pam!less")
    _start(lab_server, "qmstart", "100", "root@pam")
    less = Client(lab_server, token)
    for path in ("/nodes/pve/tasks", "/cluster/tasks"):
        assert [task["upid"] for task in less.get(path)] == [own]


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
