"""How fast a lab is told to be: what a node works on at once, and what a storage does one after the other."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from tests.lab_server import LabServer

from homeprod.lab.machine.disks import allocate
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.lab.storage.catalog import BLOCK, VolumeCatalog
from homeprod.lab.task import Task, TaskLog

PACED = LabSpec(
    "paced", boot=False, storages=(StorageSpec("local", seconds=0.01),), task_seconds={"qmcreate": 0.01}, workers=2
)


def test_a_spec_keeps_its_pace(tmp_path: Path) -> None:
    PACED.write(tmp_path / "spec.json")
    assert LabSpec.read(tmp_path / "spec.json") == PACED


def test_a_node_works_on_so_many_tasks_at_once(tmp_path: Path) -> None:
    async def run(workers: int) -> int:
        log, at_work, most = TaskLog(tmp_path / f"{workers}.jsonl", {}, workers), [0], [0]

        async def work(_: Task) -> None:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            await asyncio.sleep(0.01)
            at_work[0] -= 1

        upids = [log.start("pve", "test", str(number), "root@pam", work) for number in range(9)]
        assert [task.upid for task in log.list_running()] == upids[::-1]
        for upid in upids:
            assert (await log.wait(upid)).exitstatus == "OK"
        assert not log.list_running()
        return most[0]

    assert [asyncio.run(run(workers)) for workers in (1, 2, 0)] == [1, 2, 9]


def test_a_storage_makes_one_volume_at_a_time() -> None:
    with LabServer(dataclasses.replace(PACED, workers=0)) as lab:
        h, made, at_work = lab.hypervisor, [], [0]
        create = h.volumes.create

        async def watch(volume: str, size: int) -> None:
            at_work[0] += 1
            await asyncio.sleep(0)
            made.append(at_work[0])
            await create(volume, size)
            at_work[0] -= 1

        async def make_all() -> None:
            storage = h.storage("local")
            names = [f"local:{100 + n}/vm-{100 + n}-disk-0.raw" for n in range(5)]
            await asyncio.gather(*(allocate(h, storage, name, 100 + n, 1, print) for n, name in enumerate(names)))

        h.volumes.create = watch  # type: ignore[method-assign]
        lab.run(make_all())
        assert made == [1] * 5


def test_a_catalog_knows_owners_and_what_it_promised(tmp_path: Path) -> None:
    catalog = VolumeCatalog(tmp_path / "volumes.jsonl")
    catalog.add("local:100/vm-100-disk-0.raw", 1, owner=100)
    catalog.add("local:101/vm-101-disk-0.raw", BLOCK, owner=101)
    catalog.change("local:100/vm-100-disk-0.raw", size=2 * BLOCK)
    catalog.change("local:101/vm-101-disk-0.raw", owner=100)
    for known in (catalog, VolumeCatalog(tmp_path / "volumes.jsonl")):
        assert known.promised("local") == 3 * BLOCK
        assert {record.volume for record in known.owned_by(100)} == {record.volume for record in known}
        assert known.owned_by(101) == []
    catalog.remove("local:100/vm-100-disk-0.raw")
    assert catalog.promised("local") == BLOCK
    assert len(catalog.owned_by(100)) == 1
