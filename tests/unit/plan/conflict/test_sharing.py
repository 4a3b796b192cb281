"""Two running machines never get one disk, whoever attached it, and whatever would start them."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.plan.pegasus import CODER, DESIRED, MACHINES, actual, make, plan, redeclare

from homeprod.core.address import Address
from homeprod.plan.actual import ActualMachine
from homeprod.plan.config import Drive
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.plan import Plan

PROXY = Address("vm", "lab-proxy")
BOOT = MACHINES[4001021].config.config["scsi0"]


def _with(*found: ActualMachine, starts: bool = False) -> Plan:
    return plan(actual({**MACHINES, **{machine.listed.vmid: machine for machine in found}}), starts=starts)


def _borrower(status: str) -> ActualMachine:
    """Another of our machines, to which somebody has attached the first one's boot disk by hand."""
    return make(DESIRED[PROXY], status, scsi5=BOOT)


def _told(made: Plan) -> list[str]:
    return [conflict.message for conflict in made.conflicts if "which runs or is to be started" in conflict.message]


def test_a_machine_is_not_started_with_a_disk_that_a_running_one_has() -> None:
    stopped = make(DESIRED[CODER], "stopped")
    [words] = _told(_with(stopped, _borrower("running"), starts=True))
    assert "its disk scsi0" in words
    assert "vm/lab-proxy" in words
    assert not _told(_with(stopped, _borrower("running")))  # it stays stopped


def test_two_that_would_be_started_together() -> None:
    both = _with(make(DESIRED[CODER], "stopped"), _borrower("stopped"), starts=True)
    assert [conflict.address for conflict in both.conflicts] == [CODER, PROXY]


def test_an_unfinished_machine_is_not_started_either() -> None:
    tags = frozenset({*DESIRED[CODER].config["tags"], NEW_TAG})  # type: ignore[misc]
    assert _told(_with(make(DESIRED[CODER], "stopped", tags=tags), _borrower("running")))


def test_what_a_cold_start_would_bring_counts_too() -> None:
    waits = _borrower("stopped")
    config = {key: value for key, value in waits.config.config.items() if key != "scsi5"}
    waits = replace(waits, config=replace(waits.config, config=config, pending={"scsi5": BOOT}))
    assert _told(_with(waits, starts=True))
    running = replace(waits, listed=replace(waits.listed, status="running"))
    found = actual({**MACHINES, running.listed.vmid: running})
    assert _told(plan(found, redeclare("lab-proxy", cores=7)))


def test_a_cd_may_be_in_many_machines() -> None:
    cd = Drive("local-hdd:iso/debian.iso", None, (("media", "cdrom"),))
    shared = [make(DESIRED[address], "stopped", ide0=cd) for address in (CODER, PROXY)]
    assert not _with(*shared, starts=True).conflicts
