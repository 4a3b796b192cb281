"""When a plan has a cold start in it, for what, and in which order; what waits and gets none is told."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.plan.pegasus import (
    ANSIBLE,
    CODER,
    DESIRED,
    MACHINES,
    SITE,
    actual,
    make,
    plan,
    redeclare,
    with_machine,
    with_policy,
)

from homeprod.core.address import Address
from homeprod.core.sizes import GiB
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Effect
from homeprod.plan.config import Drive, Value
from homeprod.plan.desired import desire
from homeprod.plan.mark import COLD_TAG
from homeprod.plan.order import order_changes
from homeprod.plan.plan import Plan
from homeprod.site.machine import ColdStarts

PROXY, ENTRY = Address("vm", "lab-proxy"), Address("vm", "prod-proxy-passthrough")


def _waiting(found: ActualMachine, **values: Value | None) -> ActualMachine:
    return dataclasses.replace(found, config=dataclasses.replace(found.config, pending=values))


def _tagged(status: str) -> ActualMachine:
    tags = DESIRED[CODER].config["tags"]
    assert isinstance(tags, frozenset)
    return make(DESIRED[CODER], status, tags=tags | {COLD_TAG})


def _words(made: Plan) -> list[tuple[str, str]]:
    return [(notice.message, str(notice.address)) for notice in made.notices]


@pytest.mark.parametrize("policy", ["ask", "allowed"])
def test_what_waits_already_is_a_step(policy: ColdStarts) -> None:
    made = plan(
        with_machine(_waiting(make(DESIRED[CODER], cores=4, memory=64), cores=2, memory=2048)), with_policy(policy)
    )
    (step,) = made.changes
    assert (step.action, step.action.sign, step.why) == (Action.COLD_START, ">", "cores, memory wait for it")
    assert [(d.attribute, d.old, d.new, d.effect) for d in step.differences] == [
        ("cores", 4, 2, Effect.COLD_START),
        ("memory", 64, 2048, Effect.COLD_START),
    ]
    assert not made.notices


def test_what_is_written_now_is_a_step_after_the_update() -> None:
    update, step = plan(with_machine(make(DESIRED[CODER], cores=4))).changes
    assert (update.action, step.action, step.why) == (Action.UPDATE, Action.COLD_START, "cores waits for it")
    assert not step.differences  # they stand in the update


def test_never_means_a_notice() -> None:
    made = plan(with_machine(_waiting(make(DESIRED[CODER], cores=4), cores=2)), with_policy("never"))
    assert (made.changes, _words(made)) == ((), [("cores waits for a cold start", str(CODER))])


def test_what_the_site_does_not_manage_is_no_reason_and_comes_along() -> None:
    alone = plan(with_machine(_waiting(make(DESIRED[CODER]), balloon=64)), with_policy("allowed"))
    assert (alone.changes, _words(alone)) == ((), [("balloon waits for a cold start", str(CODER))])
    (step,) = plan(with_machine(_waiting(make(DESIRED[CODER], cores=4), cores=2, balloon=64))).changes
    assert (step.why, step.waits) == ("balloon, cores wait for it", ("balloon", "cores"))


def test_a_value_that_waits_and_is_taken_back_needs_none() -> None:
    (update,) = plan(with_machine(_waiting(make(DESIRED[CODER]), cores=4))).changes
    assert [(d.attribute, d.old, d.new, d.effect) for d in update.differences] == [("cores", 4, 2, Effect.LIVE)]


def test_a_machine_that_is_off_needs_none() -> None:
    (update,) = plan(with_machine(make(DESIRED[CODER], "stopped", cores=4)), with_policy("allowed")).changes
    assert update.action is Action.UPDATE


def test_a_disk_that_grew_behind_the_machines_back_waits() -> None:
    options = DESIRED[ANSIBLE].attached[0].options
    volume = next(drive.volume for drive in [MACHINES[94001022].config.config["scsi0"]] if isinstance(drive, Drive))
    small = Drive(volume, GiB // 2, options)
    (step,) = plan(with_machine(make(DESIRED[ANSIBLE], scsi1=small))).changes
    assert (step.action, step.waits) == (Action.COLD_START, ("scsi1 size",))
    assert [(d.old, d.new) for d in step.differences] == [(GiB // 2, GiB)]
    (update,) = plan(with_machine(make(DESIRED[ANSIBLE], "stopped", scsi1=small))).changes
    assert [(d.attribute, d.effect) for d in update.differences] == [("scsi1 size", Effect.LIVE)]


def test_a_disk_that_is_declared_larger_grows_live_through_the_machine_that_runs_with_it() -> None:
    options = DESIRED[ANSIBLE].attached[0].options
    owner = make(
        DESIRED[Address("data-vm", "lab-ansible-data")], scsi0=Drive("local-hdd:vm-94001022-scsi0", GiB // 2, options)
    )
    user = make(DESIRED[ANSIBLE], scsi1=Drive("local-hdd:vm-94001022-scsi0", GiB // 2, options))
    made = plan(actual({**MACHINES, 94001022: owner, 4001022: user}))
    shown = [
        [(d.attribute, d.new, d.effect) for d in change.differences if " " in d.attribute] for change in made.changes
    ]
    assert shown == [[("scsi0 size", GiB, Effect.LIVE)], [("scsi1 size", GiB, Effect.LIVE)]]


def test_one_that_was_begun_is_gone_on_with_under_any_policy() -> None:
    for policy in ("never", "ask", "allowed"):
        made = plan(with_machine(_tagged("stopped")), with_policy(policy))
        (step,) = made.changes
        assert (step.action, step.why) == (Action.START, "a cold start was begun, and its end was not seen")
        assert not made.notices


def test_its_tag_on_a_machine_that_runs_is_taken_away() -> None:
    (update,) = plan(with_machine(_tagged("running"))).changes
    assert [(d.attribute, d.effect) for d in update.differences] == [("tags", Effect.LIVE)]


def _find_order(found: Actual) -> list[str]:
    made = plan(found)
    graph = order_changes(made, desire(SITE), found)
    steps = [place for place, change in enumerate(made.changes) if change.action is Action.COLD_START]
    before = {place: {other for other in graph[place] if other in steps} for place in steps}
    assert all(len(others) <= 1 for others in before.values())
    return [made.changes[place].address.name for place in sorted(steps, key=lambda place: _depth(before, place))]


def _depth(before: dict[int, set[int]], place: int) -> int:
    return 1 + max((_depth(before, other) for other in before[place]), default=0)


def test_they_are_done_one_at_a_time_and_earlier_phases_first() -> None:
    machines = {DESIRED[address].vmid: make(DESIRED[address], cores=9) for address in (CODER, PROXY, ENTRY, ANSIBLE)}
    assert _find_order(actual({**MACHINES, **machines})) == [
        "prod-proxy-passthrough",
        "lab-ansible",
        "lab-proxy",
        "lab-coder",
    ]


def test_a_step_waits_for_the_update_of_its_machine() -> None:
    found = with_machine(make(DESIRED[CODER], cores=9))
    made = plan(found)
    assert order_changes(made, desire(SITE), found)[1] == {0}


def test_a_machine_that_should_be_off_is_left_running_and_told() -> None:
    address = Address("vm", "prod-ansible")
    found = make(DESIRED[address])
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, status="running"))
    made = plan(with_machine(found), redeclare("prod-ansible"))
    assert ("is running, the site says started=False; it is left so", str(address)) in _words(made)
