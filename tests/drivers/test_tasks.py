"""The driver suite: the task log."""

from __future__ import annotations

from tests.drivers.target import Target


def test_what_was_done_to_a_machine_is_in_the_log(target: Target) -> None:
    vmid = target.create({"memory": 128})
    target.create()
    target.run(target.hypervisor.start_machine(target.node, vmid))
    target.run(target.hypervisor.stop_machine(target.node, vmid))
    records = target.hypervisor.read_tasks(target.node, vmid=vmid)
    assert sorted(record.kind for record in records) == ["qmcreate", "qmstart", "qmstop"]
    assert {record.about for record in records} == {str(vmid)}
    assert {record.node for record in records} == {target.node}
    assert all("@" in record.user and "!" in record.user for record in records)
    assert {record.status for record in records} == {"OK"}
    assert all(record.end is not None and record.end >= record.start > 0 for record in records)


def test_the_log_is_read_by_pages(target: Target) -> None:
    vmid = target.create({"memory": 128})
    target.run(target.hypervisor.start_machine(target.node, vmid))
    first = target.hypervisor.read_tasks(target.node, vmid=vmid, limit=1)
    second = target.hypervisor.read_tasks(target.node, vmid=vmid, start=1, limit=1)
    assert sorted(record.kind for record in (*first, *second)) == ["qmcreate", "qmstart"]


def test_what_went_well_is_left_out_where_errors_are_asked_for(target: Target) -> None:
    vmid = target.create()
    assert target.hypervisor.read_tasks(target.node, vmid=vmid)
    assert not target.hypervisor.read_tasks(target.node, vmid=vmid, errors=True)
