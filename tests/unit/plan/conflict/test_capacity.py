"""What a plan lacks room for: disks against storages, memory against nodes; refused where it cannot be, else told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from tests.unit.plan.pegasus import CODER, DESIRED, MACHINES, NODE, SITE, actual, plan, redeclare

from homeprod.core.sizes import GiB, MiB
from homeprod.plan.actual import Actual, ListedMachine, ListedNode, ListedStorage, Resources
from homeprod.plan.change import Action
from homeprod.plan.conflict.capacity import weigh
from homeprod.plan.desired import desire
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

DISKS = sum(
    disk.size for machine in DESIRED.values() for disk in machine.disks.values() if disk.storage == "local-nvme"
)
MEMORY = sum(int(m.config["memory"]) * MiB for m in DESIRED.values() if m.is_started)  # type: ignore[call-overload]


def _cluster(
    kind: str = "lvmthin", free: int = 2**40, memory: int = 2**40, machines: Iterable[ListedMachine] = ()
) -> Resources:
    files = ListedStorage("local-hdd", NODE, "dir", frozenset({"images", "iso", "import"}), total=2**40)
    disks = ListedStorage("local-nvme", NODE, kind, frozenset({"images"}), used=5, total=5 + free)
    return Resources(tuple(machines), (disks, files), (ListedNode(NODE, is_online=True, memory=memory),))


def _weigh(found: Actual, site: Site = SITE) -> Plan:
    return weigh(plan(found, site), found, desire(site))


def test_a_thick_storage_that_is_too_small_is_refused_and_a_thin_one_told() -> None:
    for kind in ("lvm", "lvmthin", "zfspool"):
        assert not _weigh(actual({}, (), _cluster(kind, DISKS))).conflicts
        small = _weigh(actual({}, (), _cluster(kind, DISKS - 1)))
        told = [*small.conflicts, *(notice for notice in small.notices if not notice.differs)]
        assert len(small.conflicts) == (kind == "lvm")
        assert [item.message for item in told if "local-nvme of the node proxmox-1" in item.message] != []


def test_a_replacement_takes_only_what_it_grows_by() -> None:
    boot, image = (
        getattr(SITE.machines[name].machine, key) for name, key in (("lab-coder", "boot"), ("lab-ansible", "image"))
    )
    for more, refused in ((0, False), (64 * MiB, False), (65 * MiB, True)):
        site = redeclare("lab-coder", image=image, boot=type(boot)(boot.size + more, on=boot.on))
        found = actual(resources=_cluster("lvm", 64 * MiB))
        assert [change.action for change in plan(found, site).changes if change.address == CODER] == [Action.REPLACE]
        assert bool(_weigh(found, site).conflicts) == refused


def test_a_disk_that_grows_takes_what_it_grows_by() -> None:
    boot = SITE.machines["lab-coder"].machine.boot  # type: ignore[attr-defined]
    site = redeclare("lab-coder", boot=type(boot)(boot.size + GiB, on=boot.on))
    assert not _weigh(actual(resources=_cluster("lvm", GiB)), site).conflicts
    [conflict] = _weigh(actual(resources=_cluster("lvm", GiB - 1)), site).conflicts
    assert (conflict.address, conflict.message) == (
        CODER,
        "the new disks on local-nvme of the node proxmox-1 take 1 GiB, and 1024 MiB are free there",
    )


def test_a_plan_that_makes_nothing_says_nothing_of_room() -> None:
    running = [dataclasses.replace(m.listed, memory=2**40) for m in MACHINES.values()]
    assert _weigh(actual(resources=_cluster("lvm", 0, 1, running))) == plan(actual())


def test_a_machine_with_more_memory_than_its_node_is_refused() -> None:
    most = max(int(machine.config.get("memory", 0)) for machine in DESIRED.values())  # type: ignore[call-overload]
    assert not _weigh(actual({}, (), _cluster(memory=most * MiB))).conflicts
    conflicts = _weigh(actual({}, (), _cluster(memory=most * MiB - 1))).conflicts
    assert conflicts
    assert all("of memory, and the node proxmox-1" in conflict.message for conflict in conflicts)


@pytest.mark.parametrize(
    ("kind", "status", "counts"), [("qemu", "running", 1), ("lxc", "running", 1), ("qemu", "stopped", 0)]
)
def test_what_runs_already_counts_whoever_it_is(kind: str, status: str, counts: int) -> None:
    other = ListedMachine(777, NODE, "other", status, is_container=kind == "lxc", memory=GiB)
    enough = _cluster(memory=MEMORY + counts * GiB, machines=[other])
    assert not [notice for notice in _weigh(actual({}, (), enough)).notices if "of memory" in notice.message]
    found = actual({}, (), _cluster(memory=MEMORY + counts * GiB - 1, machines=[other]))
    [notice] = [notice for notice in _weigh(found).notices if "of memory" in notice.message]
    assert "the machines that run on proxmox-1 then may use" in notice.message
    assert not notice.differs


def test_more_memory_for_a_machine_that_runs_counts_once() -> None:
    running = [dataclasses.replace(m.listed, memory=512 * MiB) for m in MACHINES.values()]
    others = sum(listed.memory for listed in running if listed.status == "running" and listed.vmid != 4001021)
    site = redeclare("lab-coder", memory=8 * GiB)
    for memory, told in ((others + 8 * GiB, 0), (others + 8 * GiB - 1, 1)):
        weighed = _weigh(actual(resources=_cluster(memory=memory, machines=running)), site)
        assert sum("of memory" in notice.message for notice in weighed.notices) == told


def test_an_unknown_size_is_no_lack() -> None:
    """What the token may not see is shown as 0."""
    unseen = ListedStorage("local-nvme", NODE, "lvm", frozenset({"images"}))
    resources = dataclasses.replace(_cluster(memory=0), storages=(unseen, _cluster().storages[1]))
    weighed = _weigh(actual({}, (), resources))
    assert not weighed.conflicts
    assert weighed.notices == plan(actual({}, ())).notices
