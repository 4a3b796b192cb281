"""Faults at every call of an apply: what happens to the call, and what must be so after the next apply."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.drivers.imageserver import ImageServer
from tests.lab_server import InjectedFault, LabServer
from tests.system.generated_sites import HDD, LAB, PEOPLE, SSD

from homeprod.cli.plan import Planned
from homeprod.cli.settle import make_settled
from homeprod.core.errors import HomeprodError
from homeprod.core.sizes import GiB
from homeprod.drivers.bundle import bring_bundle
from homeprod.drivers.proxmox import Connection, Endpoint, Limits, Login, ProxmoxHypervisor, Trust
from homeprod.drivers.proxmox.task import Pace
from homeprod.drivers.proxmox.transport.credential import SecretText
from homeprod.drivers.proxmox.transport.retry import Backoff
from homeprod.engine.apply import Outcome, apply_plan
from homeprod.engine.lease.take import hold_lease
from homeprod.engine.lease.watch import Terms
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.api.server import Received
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.plan.config import Drive
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.plan import Plan
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.machine import DataDisk, DataVirtualMachine, Disk, Mount, SiteConfig, VirtualMachine
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

STORAGES = (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd"))
TASKS = ("download", "imgcopy", "imgdel", "qmcreate", "qmconfig", "qmdestroy", "qmstart", "qmshutdown", "resize")
LATE = 1.0
"""Seconds that a call is held back where time-outs are swept. The apply that meets it waits half as long for any
answer; nobody else is in such a hurry."""
PATIENT = Limits(read=30)
STRANGER = 4001199
LEASE_LIMIT = 0.2
"""Seconds after which a holder that was killed counts as dead."""
LOCKED = "can't lock file '/var/lock/qemu-server/lock-4001021.conf' - got timeout"
MANNER = Manner(waits=False, pause=0.01, shutdown_limit=5, look_every=0.05)

FAULTS: Mapping[str, InjectedFault] = {
    "error before": InjectedFault(status=500, reason="swept: nothing was done"),
    "effect, then cut": InjectedFault("after", cut=True),
    "time-out": InjectedFault("after", delay=LATE),
    "lock": InjectedFault(status=500, reason=LOCKED),
    "595": InjectedFault(status=595, reason="No route to host"),
    "596": InjectedFault("after", status=596, reason="Connection reset by peer"),
    "401": InjectedFault(status=401, reason="permission denied - invalid PVE ticket"),
    "kill before": InjectedFault(cut=True),
    "kill after": InjectedFault("after", cut=True),
    "kill amid tasks": InjectedFault("after", cut=True),
}
"""``kill amid tasks`` is ``kill after`` where every task takes a while, and still runs when the next apply comes."""


@dataclass(frozen=True)
class Scenario:
    """An apply of ``site`` on a copy of the lab in the folder ``state``. It took ``calls`` calls, ``written`` is the
    number of the first that wrote; how often it looked for tasks' ends was a matter of time. The images of the site
    come from the site's own URL or from ``spec``."""

    site: Site
    spec: LabSpec
    state: Path
    calls: int = 0
    written: int = 0


def make_site(
    server: ImageServer,
    generation: int,
    *,
    node: str = "pve",
    disks: Datastore = SSD,
    files: Datastore = HDD,
    prefix: int = 4001,
) -> Site:
    """One image, data VM and machine. Each generation has another image, which replaces the machine, and another
    note, which updates the data VM in place."""
    network = Network(bridge="vmbr0", subnet="192.0.2.0/24", gateway=1, resolvers=(1,), domain="home.example")
    image = Image(release=f"debian-{generation}", url=server.url, checksum=server.sha256, on=files)
    disk = DataDisk(label="keep", size=1 * GiB, on=files)
    machines = {
        f"data-{prefix}": DataVirtualMachine(
            number=21, environment=LAB, disks=(disk,), note=f"generation {generation}"
        ),
        f"machine-{prefix}": VirtualMachine(
            number=21,
            environment=LAB,
            image=image,
            boot=Disk(1 * GiB, on=disks),
            people=tuple(PEOPLE),
            mounts=(Mount(disk=disk, at="/srv/keep"),),
        ),
    }
    config = SiteConfig(
        id=str(uuid.UUID(int=(0x5EED0000 + prefix) << 96)),
        name="swept",
        cluster=Cluster(endpoint="https://cluster.invalid:8006", node=node),
        addresses=AddressPlan(network=network, prefix=prefix),
        iso=files,
    )
    return Site(Path("/nowhere"), config, {n: DeclaredMachine(n, m, Path(f"{n}.py")) for n, m in machines.items()})


@dataclass(frozen=True)
class Door:
    """All that a process needs to reach the lab."""

    url: str
    password: str
    ca_file: Path
    limits: Limits = PATIENT

    def open(self) -> ProxmoxHypervisor:
        """By ticket, which can be refused in the middle."""
        connection = Connection(
            Endpoint.parse(self.url),
            Login("root@pam", SecretText(self.password)),
            Trust(ca_file=self.ca_file),
            limits=self.limits,
            backoff=Backoff(first=0.01, longest=0.02),
        )
        return ProxmoxHypervisor(connection, pace=Pace(first=0.01, longest=0.05))


def open_door(lab: LabServer) -> Door:
    return Door(lab.url, lab.password, lab.ca_file)


def plan_site(cluster: ProxmoxHypervisor, site: Site) -> Plan:
    return diff(site, read_actual(cluster, site), lambda _: os.urandom(6).hex())


def apply_site(door: Door, site: Site) -> Outcome:
    """As a person's apply goes: alone, and with what an earlier one began. Raises HomeprodError."""
    terms = Terms(limit=LEASE_LIMIT)
    with closing(door.open()) as cluster, hold_lease(cluster, site.config.id, terms, lambda _: None) as lease:
        planned = make_settled(site, cluster, lambda: _make_plan(cluster, site))
        work = Work(
            site,
            lease.hypervisor,
            desire(site),
            planned.actual,
            MANNER,
            bundle_source=bring_bundle,
            is_stopping=lease.is_stopping,
        )
        return apply_plan(work, planned.plan, lambda _: None)


def _make_plan(cluster: ProxmoxHypervisor, site: Site) -> Planned:
    actual = read_actual(cluster, site)
    return Planned(diff(site, actual, lambda _: os.urandom(6).hex()), actual, 0)


def _apply_quietly(door: Door, site: Site) -> str:
    """How it failed, if it did."""
    try:
        return "; ".join(str(error) for _, error in apply_site(door, site).failed)
    except HomeprodError as error:
        return str(error)


def prepare(site: Site, before: Site | None, spec: LabSpec, folder: Path) -> Scenario:
    """A lab in ``folder`` with a stranger, and with ``before`` made and its data disks written to; then an apply
    without any fault, for the number of its calls."""
    state = folder / "state"
    state.mkdir(parents=True)
    node = site.config.cluster.node
    with LabServer(spec, state) as lab, closing(open_door(lab).open()) as cluster:
        cluster.wait(cluster.create_machine(node, STRANGER, {"name": "stranger", "description": "mine"}))
        if before is not None:
            assert not apply_site(open_door(lab), before).failed
            for path in _list_data_files(lab, before):
                with path.open("r+b") as volume:
                    volume.seek(4096)
                    volume.write(os.urandom(65536))
    _copy(state, folder / "counted")
    with LabServer(spec, folder / "counted") as lab:
        lab.forget_calls()
        assert not apply_site(open_door(lab), site).failed
        calls = len(lab.calls)
        written = min((call.number for call in lab.written() if not call.path.startswith("/pools")), default=calls)
    shutil.rmtree(folder / "counted")
    return Scenario(site, spec, state, calls, written)


def _list_data_files(lab: LabServer, site: Site) -> list[Path]:
    owners = {machine.vmid for machine in desire(site).values() if machine.address.kind == "data-vm"}
    volumes = lab.do(lambda hypervisor: [r.volume for r in hypervisor.catalog if r.owner in owners])
    return [lab.do(lambda hypervisor, v=volume: hypervisor.volumes.path(v)) for volume in sorted(volumes)]


def _copy(state: Path, folder: Path) -> None:
    """Disks are sparse, and must stay so."""
    subprocess.run(["cp", "-a", "--sparse=always", state, folder], check=True, timeout=60)


@dataclass(frozen=True)
class Result:
    """Of one case. ``was_hit`` is whether the apply came to the call at all; ``first`` is how it failed, ``wrong``
    what is not as it must be in the end."""

    was_hit: bool
    first: str
    wrong: str


def run_case(scenario: Scenario, number: int, fault: str, folder: Path) -> Result:
    """One fault at one call of the apply, then the next apply."""
    _copy(scenario.state, folder)
    seconds = dict.fromkeys(TASKS, 0.05) if fault == "kill amid tasks" else {}
    spec = dataclasses.replace(scenario.spec, task_seconds=seconds)
    site, first = scenario.site, ""
    try:
        with LabServer(spec, folder) as lab:
            before = _take_stock(lab, site)
            lab.forget_calls()
            if fault.startswith("kill"):
                _apply_and_be_killed(lab, site, number, fault)
            else:
                lab.faults = {number: FAULTS[fault]}
                hurry = Limits(read=LATE / 2) if fault == "time-out" else PATIENT
                first = _apply_quietly(dataclasses.replace(open_door(lab), limits=hurry), site)
            was_hit = len(lab.calls) >= number
            lab.faults, lab.on_call = {}, None
            lab.settle()
            wrong = _apply_quietly(open_door(lab), site) or _find_wrongs(lab, site, before)
            return Result(was_hit, first, wrong)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _apply_and_be_killed(lab: LabServer, site: Site, number: int, fault: str) -> None:
    """In a process of its own. The call that it dies in takes effect, or not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_apply_quietly, args=(open_door(lab), site), daemon=True)

    def strike(_: Received) -> InjectedFault | None:
        if len(lab.calls) != number or process.pid is None:
            return None
        os.kill(process.pid, signal.SIGKILL)
        return FAULTS[fault]

    lab.on_call = strike
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode


@dataclass(frozen=True)
class _Stock:
    """What no apply may touch."""

    stranger: object
    data: Mapping[str, str]


def _take_stock(lab: LabServer, site: Site) -> _Stock:
    with closing(open_door(lab).open()) as cluster:
        stranger = cluster.read_machine(site.config.cluster.node, STRANGER)
    files = _list_data_files(lab, site)
    return _Stock(stranger, {str(file): _digest(file) for file in files})


def _digest(file: Path) -> str:
    """Of what a sparse file holds, and where."""
    digest = hashlib.sha256(str(file.stat().st_size).encode())
    with file.open("rb") as content:
        offset = 0
        while (begin := _seek(content, offset, os.SEEK_DATA)) is not None:
            offset = content.seek(begin, os.SEEK_HOLE)
            content.seek(begin)
            digest.update(b"%d" % begin + content.read(offset - begin))
    return digest.hexdigest()


def _seek(content: BinaryIO, offset: int, whence: int) -> int | None:
    try:
        return content.seek(offset, whence)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole from here on
            return None
        raise


def _find_wrongs(lab: LabServer, site: Site, before: _Stock) -> str:
    wanted = {machine.vmid for machine in desire(site).values()}
    with closing(open_door(lab).open()) as cluster:
        plan = plan_site(cluster, site)
        wrongs = [f"a plan has {change.action.value} {change.address}" for change in plan.changes]
        wrongs += [f"a plan has {conflict.message}" for conflict in plan.conflicts]
        wrongs += [f"{notice.address} {notice.message}" for notice in plan.notices if notice.differs]
        machines = {machine.vmid: machine for machine in cluster.read_resources().machines}
        if set(machines) != wanted | {STRANGER}:
            wrongs.append(f"machines: {sorted(machines)}")
        if any(NEW_TAG in machine.tags for machine in machines.values()):
            wrongs.append(f"{NEW_TAG} is left")
        wrongs += _find_strays(cluster, lab.spec, site)
    wrongs += [f"a part of a file is left: {file}" for file in _list_parts(lab.folder)]
    after = _take_stock(lab, site)
    if after.stranger != before.stranger:
        wrongs.append("the stranger was touched")
    wrongs += [
        f"the data are not the same: {file}" for file, sha in before.data.items() if after.data.get(file) != sha
    ]
    return "; ".join(wrongs)


def _find_strays(cluster: ProxmoxHypervisor, spec: LabSpec, site: Site) -> list[str]:
    """Every volume there is must be named by a machine, or be an image of the site."""
    node, machines = site.config.cluster.node, desire(site).values()
    there = {volume.id for storage in spec.storages for volume in cluster.read_content(node, storage.name)}
    named = {
        value.volume
        for machine in machines
        for value in cluster.read_machine(node, machine.vmid).config.values()
        if isinstance(value, Drive)
    }
    images = {disk.import_from for machine in machines for disk in machine.disks.values() if disk.import_from}
    return [f"{volume} is stray or missing" for volume in sorted(there ^ (named | images))]


def _list_parts(folder: Path) -> list[str]:
    """Files that were being written."""
    return [str(file.relative_to(folder)) for file in folder.rglob("*") if ".tmp" in file.name or "part" in file.name]


def sweep(scenario: Scenario, fault: str, folder: Path, *, numbers: Sequence[int] = ()) -> str:
    """One kind of fault at each call; the result of all, to be printed. Raises AssertionError for what is wrong."""
    numbers = numbers or range(1, scenario.calls + 1)
    results = {number: run_case(scenario, number, fault, folder / f"call-{number}") for number in numbers}
    wrong = {number: result.wrong for number, result in results.items() if result.wrong}
    assert not wrong, wrong
    hit = sum(result.was_hit for result in results.values())
    assert hit > len(results) * 0.8, f"only {hit} of {len(results)} faults were met"
    failed = sum(bool(result.first) for result in results.values())
    return f"{fault}: {hit} faults met, {failed} applies failed by them, {len(results)} converged"
