"""What a plan must never do by itself: every way in which the only copy of something could be at stake."""

from __future__ import annotations

import dataclasses

from tests.unit.plan.pegasus import CODER, DESIRED, ID, INSTANCE, KEYS, actual, make, plan, with_machine, without

from homeprod.plan.actual import ActualMachine
from homeprod.plan.mark import Mark, render_note


def _elsewhere(found: ActualMachine, vmid: int, name: str = "copy") -> ActualMachine:
    return dataclasses.replace(found, listed=dataclasses.replace(found.listed, vmid=vmid, name=name))


def test_a_copy_of_a_machine_carries_its_mark_and_is_nobodys_to_delete() -> None:
    """A clone made by hand, or a backup restored to another VMID, has the note and the tags of the first one."""
    copy = _elsewhere(make(DESIRED[CODER]), 105)
    for site in (without(), without("lab-coder")):
        made = plan(with_machine(copy), site)
        assert 105 not in {change.vmid for change in made.changes}
        (notice,) = [notice for notice in made.notices if "105" in notice.message]
        assert notice.message == "VMID 105 ('copy') is a copy of it, made by hand; it is left alone"


def test_a_copy_on_a_vmid_of_the_site_is_a_conflict() -> None:
    note = render_note(Mark(ID, KEYS, 94001022, INSTANCE), "")
    (conflict,) = plan(with_machine(make(DESIRED[CODER], description=note))).conflicts
    assert "holds a copy of data-vm/lab-ansible-data" in conflict.message


def test_a_machine_whose_note_was_edited_says_so() -> None:
    (conflict,) = plan(with_machine(make(DESIRED[CODER], description="mine now"))).conflicts
    assert "its note no longer says so" in conflict.message
    assert not plan(actual()).conflicts
