"""ProxmoxHypervisor: a real cluster (or the lab) behind the engine's port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from homeprod.core.address import Address
from homeprod.core.errors import NotFoundError, ProxmoxError
from homeprod.drivers.proxmox import guest
from homeprod.drivers.proxmox.activity import Activity
from homeprod.drivers.proxmox.config import decode_pending, encode_config
from homeprod.drivers.proxmox.forms.form import FormError
from homeprod.drivers.proxmox.forms.size import print_size
from homeprod.drivers.proxmox.forms.upid import parse_upid
from homeprod.drivers.proxmox.listing import (
    check_version,
    decode_active_tasks,
    decode_backups,
    decode_content,
    decode_pools,
    decode_resources,
    decode_version,
)
from homeprod.drivers.proxmox.permit import find_lacks
from homeprod.drivers.proxmox.rights import HeldPermissions, Need, find_missing
from homeprod.drivers.proxmox.task import Pace, TaskWatch
from homeprod.drivers.proxmox.tasklist import decode_tasks
from homeprod.drivers.proxmox.transport.connection import Connection, Parameter, join_path
from homeprod.drivers.proxmox.transport.upload import send_upload
from homeprod.engine.ports import ActiveTask, Task
from homeprod.plan.actual import Actual, MachineConfig, Resources, Version, Volume
from homeprod.plan.config import Config
from homeprod.plan.plan import Conflict, Notice, Plan
from homeprod.plan.record import TaskRecord
from homeprod.site.site import Site

SLICES = 64
"""Parts that many machines are read in: a thread reads a part before it hands it on."""
ACTIVE = 1000
"""Running tasks asked for at once; Proxmox itself would give 50."""
READERS = 8
"""Threads of ``read_machines``. More gain nothing: a node's front end has three worker processes."""


class ProxmoxHypervisor:
    """Implements :class:`homeprod.engine.ports.Hypervisor`; safe for use by several threads."""

    def __init__(self, connection: Connection, *, pace: Pace | None = None) -> None:
        self._connection = connection
        self._pace = pace or Pace()
        self._activity = Activity(connection, self._pace.clock)

    @property
    def api_calls(self) -> int:
        return self._connection.api_calls

    def close(self) -> None:
        self._connection.close()

    def read_version(self) -> Version:
        """Raises ProxmoxError for a release that is not supported."""
        version = decode_version(self._connection.get("/version"))
        check_version(version)
        return version

    def read_permissions(self) -> HeldPermissions:
        return HeldPermissions(self._connection.get("/access/permissions"))

    def find_lacks(self, site: Site, actual: Actual, plan: Plan) -> tuple[Conflict, ...]:
        """What the credential lacks for this plan. Sends nothing: the permissions were read for it."""
        return tuple(find_lacks(site, actual, plan, self._connection.credential))

    def notice_endpoints(self) -> tuple[Notice, ...]:
        """Endpoints that failed so far, and the one that is used."""
        used = self._connection.endpoint
        return tuple(
            Notice(Address("endpoint", endpoint.name), f"{why}; {used} is used", differs=False)
            for endpoint, why in self._connection.left.items()
            if endpoint != used
        )

    def read_resources(self) -> Resources:
        return decode_resources(self._connection.get("/cluster/resources"))

    def read_machine(self, node: str, vmid: int) -> MachineConfig:
        return decode_pending(self._connection.get(_machine(node, vmid, "pending")))

    def read_machines(self, machines: Sequence[tuple[str, int]]) -> dict[int, MachineConfig | None]:
        """Many at once, by VMID; None for one that is not there (any more). Fetched in threads and read here as they
        come: threads that also parsed would hold each other up (a third slower for a thousand machines)."""
        size = max(1, len(machines) // SLICES)
        slices = [machines[start : start + size] for start in range(0, len(machines), size)]
        with ThreadPoolExecutor(min(READERS, self._connection.limits.pool), "read") as pool:
            bodies = chain.from_iterable(pool.map(self._fetch_machines, slices))
            return {
                machine[1]: self._decode_machine(machine, body)
                for machine, body in zip(machines, bodies, strict=True)
            }

    def _fetch_machines(self, machines: Sequence[tuple[str, int]]) -> list[bytes | None]:
        return [self._fetch_machine(*machine) for machine in machines]

    def _fetch_machine(self, node: str, vmid: int) -> bytes | None:
        try:
            return self._connection.fetch(_machine(node, vmid, "pending"))
        except NotFoundError:
            return None

    def _decode_machine(self, machine: tuple[str, int], body: bytes | None) -> MachineConfig | None:
        if body is None:
            return None
        return decode_pending(self._connection.parse("GET", _machine(*machine, "pending"), body))

    def read_digest(self, node: str, vmid: int) -> str:
        """The digest of the configuration file now, to be sent with a write."""
        return str(self._connection.get(_machine(node, vmid, "config"))["digest"])

    def read_status(self, node: str, vmid: int) -> str:
        return str(self._connection.get(_machine(node, vmid, "status", "current"))["status"])

    def read_content(self, node: str, storage: str) -> Sequence[Volume]:
        return decode_content(self._connection.get(join_path("nodes", node, "storage", storage, "content")))

    def read_unbacked(self) -> frozenset[int]:
        """VMIDs of machines that no backup job has; needs Sys.Audit on ``/``."""
        found = self._connection.get("/cluster/backup-info/not-backed-up")
        return frozenset(int(guest["vmid"]) for guest in found)

    def read_backups(self, node: str, storage: str) -> dict[int, int]:
        """By VMID, when its newest backup there was made, in seconds since 1970."""
        path = join_path("nodes", node, "storage", storage, "content")
        return decode_backups(self._connection.get(path, content="backup"))

    def find_unseen_backups(
        self, permissions: Mapping[str, frozenset[str]], storage: str, vmids: Collection[int]
    ) -> str:
        """Why backups of those machines would be left out of what :meth:`read_backups` gives; empty where none would.
        Sends nothing. Source: ``check_volume_access`` in pve-storage's Storage.pm."""
        if not find_missing(permissions, [Need(f"/storage/{storage}", frozenset({"Datastore.Allocate"}), "")]):
            return ""
        needs = [Need(f"/storage/{storage}", frozenset({"Datastore.AllocateSpace"}), "")]
        needs += [Need(f"/vms/{vmid}", frozenset({"VM.Backup"}), "") for vmid in sorted(vmids)]
        lacks = find_missing(permissions, needs)
        if not lacks:
            return ""
        privilege = next(iter(lacks[0].privileges))
        return f"the token lacks {privilege} on {lacks[0].path}, so backups on {storage} are hidden from it"

    def read_tasks(
        self, node: str, *, vmid: int | None = None, errors: bool = False, start: int = 0, limit: int = 50
    ) -> Sequence[TaskRecord]:
        """See the port. ``source=all`` adds what runs now to what has ended."""
        filters: dict[str, int] = {"errors": 1} if errors else {}
        if vmid is not None:
            filters["vmid"] = vmid
        path = join_path("nodes", node, "tasks")
        return decode_tasks(self._connection.get(path, source="all", start=start, limit=limit, **filters))

    def find_hidden_logs(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those of the nodes whose task log shows the credential's own tasks alone. One call."""
        needs = [Need(f"/nodes/{node}", frozenset({"Sys.Audit"}), "see what others did") for node in nodes]
        return tuple(lack.path.rpartition("/")[2] for lack in find_missing(self.read_permissions(), needs))

    def read_clock(self, node: str) -> int:
        """The node's clock, seconds since 1970."""
        return int(self._connection.get(join_path("nodes", node, "time"))["time"])

    def create_machine(self, node: str, vmid: int, config: Config) -> Task:
        return self._begin(join_path("nodes", node, "qemu"), {"vmid": vmid, **encode_config(config)})

    def change_machine(
        self, node: str, vmid: int, config: Config, *, delete: Sequence[str] = (), digest: str = ""
    ) -> Task | None:
        """The asynchronous form: the synchronous PUT is cut off after 30 s while the work goes on."""
        parameters: dict[str, Parameter] = dict(encode_config(config))
        if delete:
            parameters["delete"] = ",".join(delete)
        if digest:
            parameters["digest"] = digest
        return _read_task(self._connection.post(_machine(node, vmid, "config"), parameters))

    def grow_disk(self, node: str, vmid: int, slot: str, size: int) -> Task | None:
        parameters: dict[str, Parameter] = {"disk": slot, "size": print_size(size)}
        return _read_task(self._connection.put(_machine(node, vmid, "resize"), parameters))

    def give_disk(self, node: str, vmid: int, slot: str, *, to: int, as_slot: str, digest: str = "") -> Task:
        parameters: dict[str, Parameter] = {"disk": slot, "target-vmid": to, "target-disk": as_slot}
        if digest:
            parameters["digest"] = digest
        return self._begin(_machine(node, vmid, "move_disk"), parameters)

    def start_machine(self, node: str, vmid: int) -> Task:
        return self._begin(_machine(node, vmid, "status", "start"))

    def shutdown_machine(self, node: str, vmid: int, *, timeout: int) -> Task:
        """Never a hard stop behind it (``forceStop`` is 0)."""
        parameters: dict[str, Parameter] = {"timeout": timeout, "forceStop": False}
        return self._begin(_machine(node, vmid, "status", "shutdown"), parameters)

    def stop_machine(self, node: str, vmid: int) -> Task:
        return self._begin(_machine(node, vmid, "status", "stop"))

    def destroy_machine(self, node: str, vmid: int, *, purge: bool = True) -> Task:
        """With the volumes that its configuration names only."""
        path = _machine(node, vmid)
        return _expect_task(self._connection.delete(path, purge=purge, **{"destroy-unreferenced-disks": False}))

    def fetch_image(
        self, node: str, storage: str, filename: str, url: str, *, content: str, checksum: str, algorithm: str
    ) -> Task:
        parameters: dict[str, Parameter] = {
            "content": content,
            "filename": filename,
            "url": url,
            "checksum": checksum,
            "checksum-algorithm": algorithm,
        }
        return self._begin(join_path("nodes", node, "storage", storage, "download-url"), parameters)

    def upload(
        self, node: str, storage: str, filename: str, file: Path | bytes, *, content: str, checksum: str = ""
    ) -> Task:
        fields = {"content": content}
        if checksum:
            fields |= {"checksum-algorithm": "sha256", "checksum": checksum}
        path = join_path("nodes", node, "storage", storage, "upload")
        return _expect_task(send_upload(self._connection, path, filename, file, fields))

    def delete_volume(self, node: str, volume: str) -> Task | None:
        storage, _, name = volume.partition(":")
        # The name's own slashes stay: Proxmox takes the rest of the path as the volume.
        path = join_path("nodes", node, "storage", storage, "content", *f"{storage}:{name}".split("/"))
        return _read_task(self._connection.delete(path))

    def ping_agent(self, node: str, vmid: int) -> bool:
        return guest.ping_agent(self._connection, node, vmid)

    def read_guest_file(self, node: str, vmid: int, path: str) -> str | None:
        return guest.read_guest_file(self._connection, node, vmid, path)

    def wait(self, task: Task, *, on_line: Callable[[str], None] | None = None, timeout: float = 3600) -> None:
        TaskWatch(self._connection, task, on_line, timeout, self._pace, self._activity).run()

    def read_active_tasks(self, node: str) -> Sequence[ActiveTask]:
        listed = self._connection.get(join_path("nodes", node, "tasks"), source="active", limit=ACTIVE)
        return decode_active_tasks(listed, str(self._connection.credential))

    def read_pools(self) -> Mapping[str, str]:
        return decode_pools(self._connection.get("/pools"))

    def create_pool(self, name: str, comment: str) -> None:
        self._connection.post("/pools", {"poolid": name, "comment": comment})

    def change_pool(self, name: str, comment: str) -> None:
        """By the path that 8.4 and 9 share; ``/pools/{poolid}`` is deprecated in both."""
        self._connection.put("/pools", {"poolid": name, "comment": comment})

    def delete_pool(self, name: str) -> None:
        self._connection.delete("/pools", poolid=name)

    def _begin(self, path: str, parameters: Mapping[str, Parameter] | None = None) -> Task:
        return _expect_task(self._connection.post(path, parameters))


def _expect_task(answer: Any) -> Task:
    try:
        return Task(str(answer), parse_upid(str(answer)).node)
    except FormError:
        raise ProxmoxError(
            f"Proxmox answered {answer!r} where the name of a task was expected",
            hint="its release may be newer than homeprod knows; see:\n\n  homeprod doctor",
        ) from None


def _read_task(answer: Any) -> Task | None:
    """Some calls answer nothing where the work was done at once."""
    return None if answer is None else _expect_task(answer)


def _machine(node: str, vmid: int, *rest: str) -> str:
    return join_path("nodes", node, "qemu", vmid, *rest)
