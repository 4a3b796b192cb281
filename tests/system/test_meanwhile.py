"""What somebody does between the plan and the writes of an apply, or between two of these: no disk is lost by it or
opened twice, and no machine but this site's is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.lab_server import InjectedFault
from tests.system.stranger_lab import (
    DATA_VM,
    MANNER,
    NODE,
    VM,
    StrangerLab,
    make_site,
    make_site_of,
    open_stranger_lab,
)

from homeprod.core.errors import HomeprodError
from homeprod.core.sizes import GiB, MiB
from homeprod.engine.apply import apply_plan
from homeprod.engine.destroy import plan_destruction
from homeprod.engine.read import read_actual
from homeprod.engine.work import Work
from homeprod.lab.machine.document import print_document
from homeprod.plan.actual import Resources
from homeprod.plan.change import Action
from homeprod.plan.config import Config, Drive, NewDrive
from homeprod.plan.desired import desire
from homeprod.plan.diff import Wish, diff
from homeprod.plan.mark import COLD_TAG
from homeprod.plan.order import order_changes
from homeprod.site.machine import Disk, VirtualMachine

MAIL, STRANGER = 4001030, 105
ADDED = "local-hdd:4001030/vm-4001030-disk-9.qcow2"


@pytest.fixture(scope="module")
def shared() -> Iterator[StrangerLab]:
    with open_stranger_lab() as lab:
        files = lab.site.machines["files"].machine
        assert isinstance(files, VirtualMachine)
        mail = files.model_copy(update={"number": 30, "mounts": (), "boot": Disk(2 * GiB, on=files.boot.on)})
        machines = {name: declared.machine for name, declared in lab.site.machines.items()}
        lab.site = make_site_of(lab.site.config, {**machines, "mail": mail})
        lab.site = replace(lab.site, config=lab.site.config)
        yield lab


@pytest.fixture
def lab(shared: StrangerLab) -> Iterator[StrangerLab]:
    shared.settle()
    for vmid in (VM, MAIL):
        if shared.cluster.read_status(NODE, vmid) != "running":
            shared.wait(shared.cluster.start_machine(NODE, vmid))
    yield shared
    shared.lab.on_call = None
    shared.lab.hypervisor.runner.__dict__.pop("shutdown", None)
    if shared.cluster.read_machines([(NODE, STRANGER)])[STRANGER] is not None:
        shared.wait(shared.cluster.stop_machine(NODE, STRANGER))
        shared.wait(shared.cluster.destroy_machine(NODE, STRANGER))


def _make_stranger(lab: StrangerLab, config: Config, vmid: int = STRANGER) -> None:
    lab.wait(lab.cluster.create_machine(NODE, vmid, {"name": "nas", **config}))


def _destroy(lab: StrangerLab, name: str, begin: Callable[[Work], None] = lambda _: None) -> None:
    actual = read_actual(lab.cluster, lab.site)
    work = Work(lab.site, lab.cluster, desire(lab.site), actual, MANNER)
    plan = plan_destruction(lab.site, actual, name, is_data=False)
    begin(work)
    outcome = apply_plan(work, plan, lambda _: None)
    for _, error in outcome.failed:
        raise error


def test_a_disk_that_another_machine_of_the_site_uses_is_not_destroyed_with_its_owner(lab: StrangerLab) -> None:
    lab.set(MAIL, {"scsi5": NewDrive("local-hdd", GiB)})
    lent = lab.drive(MAIL, "scsi5").volume
    lab.set(VM, {"scsi7": Drive(lent)})
    try:
        with pytest.raises(HomeprodError, match="is in use by"):
            _destroy(lab, "mail")
        assert lab.drive(MAIL, "scsi5").volume == lent
        assert lab.cluster.read_status(NODE, MAIL) == "running"
    finally:
        lab.set(VM, delete=("scsi7",))
        if lab.cluster.read_machines([(NODE, MAIL)])[MAIL] is not None:
            lab.set(MAIL, delete=("scsi5",))
            lab.set(MAIL, delete=("unused0",))


def test_a_data_disk_that_came_into_use_at_another_machine_of_the_site_is_not_attached(lab: StrangerLab) -> None:
    _destroy(lab, "files")
    volume = lab.drive(DATA_VM, "scsi0").volume
    try:
        with pytest.raises(HomeprodError, match="is in use by"):
            lab.try_apply(begin=lambda _: lab.set(MAIL, {"scsi5": Drive(volume)}))
        assert lab.cluster.read_machines([(NODE, VM)])[VM] is None
    finally:
        lab.set(MAIL, delete=("scsi5",))


def test_a_data_disk_that_a_machine_made_meanwhile_uses_is_not_attached(lab: StrangerLab) -> None:
    _destroy(lab, "files")
    volume = lab.drive(DATA_VM, "scsi0").volume
    with pytest.raises(HomeprodError, match="is in use by"):
        lab.try_apply(begin=lambda _: _make_stranger(lab, {"scsi0": Drive(volume)}))
    assert lab.cluster.read_machines([(NODE, VM)])[VM] is None


def test_a_disk_added_while_its_machine_was_shut_down_is_not_lost(lab: StrangerLab) -> None:
    shutdown = lab.lab.hypervisor.runner.shutdown

    async def add_first(vmid: int, timeout: float) -> bool:
        store = lab.lab.hypervisor.machines
        text = print_document(store.read(NODE, vmid).document)
        store.write_text(vmid, NODE, f"scsi5: {ADDED},size=1G\n{text}")
        return await shutdown(vmid, timeout)

    lab.lab.hypervisor.runner.shutdown = add_first  # type: ignore[method-assign]
    try:
        with pytest.raises(HomeprodError, match=f"was given {ADDED} while it was shut down; it is off"):
            _destroy(lab, "mail")
        assert lab.drive(MAIL, "scsi5").volume == ADDED
    finally:
        lab.set(MAIL, delete=("scsi5",))
        lab.set(MAIL, delete=("unused0",))


def _let_wait(lab: StrangerLab, vmid: int = VM) -> None:
    lab.set(vmid, {"cores": 4})
    lab.wait(lab.cluster.stop_machine(NODE, vmid))
    lab.wait(lab.cluster.start_machine(NODE, vmid))
    lab.set(vmid, {"cores": 2})


def _put_in_place(lab: StrangerLab) -> None:
    lab.wait(lab.cluster.stop_machine(NODE, MAIL))
    lab.wait(lab.cluster.destroy_machine(NODE, MAIL))
    _make_stranger(lab, {"cores": 1}, MAIL)
    lab.wait(lab.cluster.start_machine(NODE, MAIL))


def _remove_stranger(lab: StrangerLab) -> None:
    lab.wait(lab.cluster.stop_machine(NODE, MAIL))
    lab.wait(lab.cluster.destroy_machine(NODE, MAIL))


def test_a_strangers_machine_that_took_the_place_of_one_is_not_started_cold(lab: StrangerLab) -> None:
    _let_wait(lab, MAIL)
    try:
        ((_, error),) = lab.try_apply("allowed", begin=lambda _: _put_in_place(lab)).failed
        assert "somebody changed this machine" in error.message
        assert "tags" not in lab.read(MAIL)
    finally:
        _remove_stranger(lab)


def test_a_strangers_machine_that_took_the_place_of_one_is_not_started(lab: StrangerLab) -> None:
    lab.wait(lab.cluster.stop_machine(NODE, MAIL))

    def put(_: Work) -> None:
        _put_in_place(lab)
        lab.wait(lab.cluster.stop_machine(NODE, MAIL))

    try:
        ((_, error),) = lab.try_apply(begin=put).failed
        assert "somebody changed this machine" in error.message
        assert lab.cluster.read_status(NODE, MAIL) == "stopped"
    finally:
        _remove_stranger(lab)


def test_what_came_into_force_meanwhile_needs_no_cold_start(lab: StrangerLab) -> None:
    _let_wait(lab)

    def restart(_: Work) -> None:
        lab.restart()
        lab.lab.forget_calls()

    assert not lab.try_apply("allowed", begin=restart).failed
    assert not [call for call in lab.lab.written() if "/status/" in call.path]


def test_a_size_that_cannot_be_noted_leaves_no_machine_off(lab: StrangerLab) -> None:
    """The data disk grew behind the machine's back, which the machine sees after a cold start."""
    size = (lab.drive(DATA_VM, "scsi0").size or 0) + 64 * MiB
    lab.wait(lab.cluster.grow_disk(NODE, DATA_VM, "scsi0", size))
    site = make_site(lab.server, disk_size=size)
    larger = make_site_of(lab.site.config, {**{n: d.machine for n, d in site.machines.items()},
                          "mail": lab.site.machines["mail"].machine})  # fmt: skip
    (step,) = lab.plan("allowed", larger).changes
    assert step.waits == ("scsi1 size",)

    def refuse(received: object) -> InjectedFault | None:
        params = getattr(received, "params", {})
        if getattr(received, "path", "").endswith(f"/{VM}/config") and "scsi1" in params:
            return InjectedFault(status=500, reason="no space left on device")
        return None

    lab.lab.on_call = refuse
    outcome = lab.try_apply("allowed", larger)
    lab.lab.on_call = None
    assert outcome.failed
    assert lab.is_running
    assert COLD_TAG not in str(lab.read(VM)["tags"])


def test_a_guest_without_data_disk_that_ignores_a_cold_starts_shutdown_keeps_its_plug(lab: StrangerLab) -> None:
    _let_wait(lab, MAIL)

    async def ignore(vmid: int, timeout: float) -> bool:
        return False

    lab.lab.hypervisor.runner.shutdown = ignore  # type: ignore[method-assign]
    ((_, error),) = lab.try_apply("allowed").failed
    assert "--force-stop" in error.hint
    assert lab.cluster.read_status(NODE, MAIL) == "running"
    lab.lab.hypervisor.runner.__dict__.pop("shutdown", None)


def test_a_lost_detachment_cannot_reach_the_new_machine(lab: StrangerLab) -> None:
    lab.lab.forget_calls()
    _destroy(lab, "files")
    (detachment,) = [call for call in lab.lab.written() if "delete" in call.params and call.path.endswith("/config")]
    assert detachment.params["digest"]


def test_a_machine_is_started_only_when_the_one_that_runs_with_its_disk_is_gone(lab: StrangerLab) -> None:
    lab.power_off()
    lab.set(MAIL, {"scsi5": lab.drive(VM, "scsi0")})
    site = make_site(lab.server)
    actual = read_actual(lab.cluster, site)
    plan = diff(site, actual, lambda _: "ab12", Wish(starts=True))
    assert not plan.conflicts
    places = {(change.action, change.address.name): place for place, change in enumerate(plan.changes)}
    graph = order_changes(plan, desire(site), actual)
    assert places[Action.DELETE, "mail"] in graph[places[Action.START, "files"]]
    lab.apply(site=site)
    assert lab.is_running


@pytest.mark.parametrize("is_started", [True, False])
def test_a_data_disk_grows_through_the_machine_that_runs_by_then(lab: StrangerLab, is_started: bool) -> None:
    """A start or a stop moves no digest; a size that the guest cannot see must not be noted at its drive."""
    size = (lab.drive(DATA_VM, "scsi0").size or 0) + 64 * MiB
    if is_started:
        lab.power_off()
    site = make_site(lab.server, disk_size=size)
    mail = lab.site.machines["mail"].machine
    larger = make_site_of(site.config, {"mail": mail, **{name: d.machine for name, d in site.machines.items()}})

    def turn(work: Work) -> None:
        lab.wait(lab.cluster.start_machine(NODE, VM) if is_started else lab.cluster.stop_machine(NODE, VM))
        lab.lab.forget_calls()

    lab.site, before = larger, lab.site
    try:
        assert not lab.try_apply("never", begin=turn).failed
        grown = [int(call.path.split("/")[4]) for call in lab.lab.written() if call.path.endswith("/resize")]
        assert grown == [VM if is_started else DATA_VM]
        assert (lab.drive(VM, "scsi1").size, lab.drive(DATA_VM, "scsi0").size) == (size, size)
    finally:
        lab.site = before


def test_a_stranger_that_the_list_still_calls_stopped_is_asked_itself(
    lab: StrangerLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxmox's list is up to ten seconds old."""
    lab.power_off()
    _make_stranger(lab, {"scsi3": lab.drive(VM, "scsi0")})
    lab.wait(lab.cluster.start_machine(NODE, STRANGER))
    read = lab.cluster.read_resources

    def read_late() -> Resources:
        now = read()
        return replace(now, machines=tuple(replace(machine, status="stopped") for machine in now.machines))

    monkeypatch.setattr(lab.cluster, "read_resources", read_late)
    with pytest.raises(HomeprodError, match="is in use by 'nas'"):
        lab.try_apply()
    assert not lab.is_running
