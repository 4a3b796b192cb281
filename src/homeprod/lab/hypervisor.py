"""The lab's hypervisor: everything that its API speaks to, in one place."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from homeprod.lab.api.access import AccessControl
from homeprod.lab.api.error import ApiError
from homeprod.lab.api.schema import Release
from homeprod.lab.machine.ha import HighAvailability
from homeprod.lab.machine.store import CHANGE_TIMEOUT, MachineStore, acquire_lock
from homeprod.lab.pools import PoolStore
from homeprod.lab.ports import GuestRunner, VolumeStore
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.lab.storage.catalog import VolumeCatalog
from homeprod.lab.supply import ImageSupply
from homeprod.lab.task import TaskLog

MEASURE_SECONDS = 10.0


class Hypervisor:
    """``state`` is the lab's folder. Made inside a running event loop, used by it alone."""

    def __init__(self, spec: LabSpec, state: Path, volumes: VolumeStore, runner: GuestRunner) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.spec = spec
        self.state = state
        self.volumes = volumes
        self.runner = runner
        self.release = parse_release(spec.version)
        self.access = AccessControl(self.release)
        self.machines = MachineStore(state, spec.nodes)
        self.catalog = VolumeCatalog(state / "volumes.jsonl")
        self.tasks = TaskLog(state / "tasks.jsonl", spec.task_seconds, spec.workers)
        self.pools = PoolStore(state / "pools.json", self.access)
        self.storages: dict[str, StorageSpec] = {storage.name: storage for storage in spec.storages}
        self.offline: set[str] = set()
        """Nodes that are not there just now. Their machines go on as they were, and nothing is known of them."""
        self.ha = HighAvailability()
        self.bridges = frozenset(bridge.name for bridge in spec.bridges)
        self.started_at: dict[int, float] = {}
        self.began = time.time()
        self.fingerprint = ""
        self.supply = ImageSupply(state, spec.name)
        self._used: dict[str, tuple[float, int]] = {}
        self._storage_locks: dict[str, asyncio.Lock] = {}
        self.storage_busy: defaultdict[str, float] = defaultdict(float)
        """Seconds that each storage was locked: what no client can be quicker than."""

    def storage(self, name: str) -> StorageSpec:
        """Raises ApiError in Proxmox's words."""
        storage = self.storages.get(name)
        if storage is None:
            raise ApiError(f"storage '{name}' does not exist")
        return storage

    @asynccontextmanager
    async def lock_storage(self, name: str) -> AsyncIterator[None]:
        """Allocating and freeing on one storage take turns, and give up after 10 seconds, as on Proxmox."""
        lock = self._storage_locks.setdefault(name, asyncio.Lock())
        await acquire_lock(lock, f"/var/lock/pve-manager/pve-storage-{name}", CHANGE_TIMEOUT)
        locked = time.monotonic()
        try:
            if seconds := self.storage(name).seconds:
                await asyncio.sleep(seconds)
            yield
        finally:
            self.storage_busy[name] += time.monotonic() - locked
            lock.release()

    def used_space(self, storage: StorageSpec, *, fresh: bool = False) -> int:
        """Bytes really taken on the storage. As Proxmox's status daemon does, looked at every ten seconds only."""
        now = time.monotonic()
        at, used = self._used.get(storage.name, (-MEASURE_SECONDS, 0))
        if fresh or now - at >= MEASURE_SECONDS:
            used = sum(
                _blocks(self.volumes.path(record.volume)) for record in self.catalog.list_storage(storage.name)
            )
            self._used[storage.name] = (now, used)
        return used

    def require_space(self, storage: StorageSpec, size: int, words: str) -> None:
        """Raises ApiError where ``size`` more bytes do not fit; ``words`` say what failed, the system says why."""
        if self.catalog.promised(storage.name) + size <= storage.size:
            return  # without a look at every file, which costs more the more there are
        if self.used_space(storage, fresh=True) + size > storage.size:
            raise ApiError(f"{words}: {os.strerror(errno.ENOSPC)}")

    def is_running(self, vmid: int) -> bool:
        return self.runner.is_running(vmid)

    def uptime(self, vmid: int) -> int:
        """Seconds; 0 for a stopped machine."""
        if not self.is_running(vmid):
            return 0
        return max(0, int(time.time() - self.started_at.setdefault(vmid, time.time())))

    async def close(self) -> None:
        await self.ha.close()
        await self.tasks.close()
        await self.supply.close()
        await self.runner.close()


def _blocks(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def parse_release(version: str) -> Release:
    """``9.2.3`` as (9, 2). Raises ValueError."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise ValueError(f"not a version of Proxmox VE: {version}")
    return int(match[1]), int(match[2])
