"""What a drill may destroy, what it must find again, and how far one came that was cut off."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import pytest
from tests.unit.plan.pegasus import (
    ANSIBLE,
    CODER,
    DESIRED,
    INSTANCE,
    MACHINES,
    SITE,
    actual,
    make,
    plan,
    with_machine,
)

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual, ListedNode, Resources
from homeprod.plan.config import Drive
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drill import (
    DrillNote,
    KeptDisk,
    compare_kept,
    find_absent_keepers,
    find_refusals,
    list_apart,
    list_doomed,
    list_kept,
    name_instance,
)
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

CHOSEN = {address: DESIRED[address] for address in (ANSIBLE, CODER)}
LIVES = {"lab-ansible": f"4001022-{INSTANCE}", "lab-coder": f"4001021-{INSTANCE}"}
DISK = KeptDisk("data-vm/lab-ansible-data", 94001022, "scsi0", "ssh_keys", "local-hdd:vm-94001022-scsi0", 2**30)
NOTE = DrillNote("2026-11-26T21:00:00Z", LIVES, (DISK,), {"lab-ansible": "d1"})


def refuse(found: Actual, note: DrillNote | None = None, *, site: Site = SITE, boots: bool = True) -> list[str]:
    refusals = find_refusals(site, found, plan(found, site), CHOSEN, DESIRED, note, boots=boots)
    return [f"{one.address}: {one.message}" for one in refusals]


def test_a_site_as_it_should_be_is_refused_nothing() -> None:
    assert refuse(actual()) == []
    assert [*list_doomed(actual(), CHOSEN)] == [ANSIBLE, CODER]
    assert DISK in list_kept(SITE, actual())
    assert {disk.owner for disk in list_kept(SITE, actual())} == {
        "data-vm/lab-ansible-data",
        "data-vm/prod-ansible-data",
    }


def test_what_is_left_as_it_is_is_there() -> None:
    chosen, proxy = ["lab-ansible", "lab-coder"], DESIRED[Address("vm", "lab-proxy")]

    def find(found: Actual, *gone: int) -> list[str]:
        listed = tuple(one.listed for vmid, one in MACHINES.items() if vmid not in gone)
        return list_apart(SITE, dataclasses.replace(found, resources=Resources(listed)), chosen)

    assert find(actual()) == ["lab-proxy", "prod-ansible", "prod-proxy", "prod-proxy-passthrough"]
    assert "lab-proxy" not in find(_without(proxy.vmid), proxy.vmid)
    assert "lab-proxy" not in find(with_machine(make(proxy, description="mine")))
    assert "lab-proxy" in find(_without(proxy.vmid)), "its node is off: it is there, and cannot be read"


def _without(vmid: int) -> Actual:
    return actual({number: found for number, found in MACHINES.items() if number != vmid})


def test_a_control_node_that_stays_has_to_be_there() -> None:
    """What it configures would be made again, and never be configured; nor would the new one be known to it."""
    node, coder = DESIRED[ANSIBLE], {CODER: DESIRED[CODER]}

    def find(found: Actual, chosen: Mapping[Address, DesiredMachine] = coder) -> list[str]:
        return [f"{one.address}: {one.message}" for one in find_absent_keepers(SITE, found, chosen)]

    assert find(actual()) == []
    assert find(with_machine(make(node, status="stopped"))) == [
        "vm/lab-coder: is configured by lab-ansible, which is off"
    ]
    for found in (_without(node.vmid), with_machine(make(node, description="mine"))):
        assert find(found) == ["vm/lab-coder: is configured by lab-ansible, which is not made"]
        assert find(found, CHOSEN) == [], "it is part of the drill, and the plan tells that it is not there"
        for note, boots in itertools.product((None, NOTE), (True, False)):
            refusals = find_refusals(SITE, found, Plan(()), coder, DESIRED, note, boots=boots)
            assert "is configured by lab-ansible, which is not made" in {one.message for one in refusals}


def test_every_reason_is_named() -> None:
    coder = DESIRED[CODER]
    for found, words in (
        (make(coder, cores=9), "is not as the site says: the plan would update it"),
        (make(coder, tags=frozenset({NEW_TAG})), "the plan would finish it"),
        (make(coder, status="stopped"), "is off, so nobody knows whether it serves now"),
        (make(coder, protection=True), "is protected, and the plan would replace it"),
        (make(coder, lock="backup"), "is locked (backup) in Proxmox"),
        (make(coder, parent="before"), "would be lost with it: snapshots (the last is before)"),
        (make(coder, unused0="local-hdd:vm-4001021-old"), "would be lost with it: unused0"),
        (make(coder, description="mine"), "has this site's tag, but its note no longer says so"),
    ):
        assert any(words in one and one.startswith("vm/lab-coder: ") for one in refuse(with_machine(found))), words


def test_a_machine_on_a_node_that_is_off_is_left_alone() -> None:
    off = dataclasses.replace(actual().resources, nodes=(ListedNode("proxmox-1", is_online=False),))
    listed = tuple(found.listed for found in MACHINES.values())
    found = actual({}, resources=dataclasses.replace(off, machines=listed))
    assert any("which is offline" in one for one in refuse(found))


def test_one_that_is_not_there_is_refused_unless_a_drill_took_it() -> None:
    gone = actual({vmid: found for vmid, found in MACHINES.items() if vmid != 4001021})
    assert refuse(gone)[0] == "vm/lab-coder: is not as the site says: the plan would create it (is not there)"
    assert refuse(gone, NOTE) == []
    assert [*list_doomed(gone, CHOSEN, NOTE)] == [ANSIBLE]


def test_what_a_drill_left_half_done_is_excused_and_nothing_else() -> None:
    ansible = DESIRED[ANSIBLE]
    halfway = make(ansible, status="stopped")
    config = {slot: value for slot, value in halfway.config.config.items() if slot != "scsi1"}
    detached = dataclasses.replace(halfway, config=dataclasses.replace(halfway.config, config=config))
    assert refuse(with_machine(halfway), NOTE) == []
    assert refuse(with_machine(detached), NOTE) == []
    assert refuse(with_machine(detached)) != []
    edited = make(ansible, status="stopped", cores=9)
    assert refuse(with_machine(edited), NOTE) == ["vm/lab-ansible: is not as the site says: the plan would update it"]
    other = make(DESIRED[Address("vm", "lab-proxy")], cores=9)
    assert refuse(with_machine(other), NOTE)[0] == "vm/lab-proxy: is not as the site says: the plan would update it"


def test_one_that_was_made_again_is_not_destroyed_and_may_be_unfinished() -> None:
    fresh = dataclasses.replace(NOTE, machines={**LIVES, "lab-coder": "4001021-before"})
    halfmade = make(
        DESIRED[CODER], tags=frozenset({*_tags(), NEW_TAG}), scsi0=Drive("local-nvme:vm-4001021-x", 2**20)
    )
    assert [*list_doomed(with_machine(halfmade), CHOSEN, fresh)] == [ANSIBLE]
    assert refuse(with_machine(halfmade), fresh) == []


def _tags() -> frozenset[str]:
    tags = DESIRED[CODER].config["tags"]
    assert isinstance(tags, frozenset)
    return tags


def test_a_lab_that_boots_nothing_finishes_nothing() -> None:
    found = with_machine(make(DESIRED[CODER], tags=frozenset({*_tags(), NEW_TAG})))
    assert refuse(found, boots=False) == []
    assert refuse(found) != []
    node = with_machine(make(DESIRED[ANSIBLE], tags=frozenset({*_tags(), NEW_TAG})))
    assert any(
        "vm/lab-ansible: is not as the site says: the plan would finish it" in one
        for one in refuse(node, boots=False)
    ), "nobody configures it, so there too an apply finishes it"


def test_the_note_comes_back_as_it_was() -> None:
    text = NOTE.render()
    assert text.startswith("a drill of homeprod's is under way: {")
    assert "\n" not in text
    assert DrillNote.parse(text) == NOTE
    assert NOTE.is_old("lab-coder", MACHINES[4001021])
    assert not NOTE.is_old("lab-coder", MACHINES[4001022])
    assert name_instance(make(DESIRED[CODER], description="mine")) == ""


@pytest.mark.parametrize("text", ["", "mine", "a drill of homeprod's is under way: {}", '{"disks": [{}]}', "[]", "3"])
def test_what_no_drill_wrote_is_refused(text: str) -> None:
    with pytest.raises(HomeprodError, match="not one that homeprod wrote"):
        DrillNote.parse(text)


def test_a_disk_is_the_same_or_it_is_told_what_differs() -> None:
    assert compare_kept(DISK, [DISK]) == ""
    assert compare_kept(DISK, []) == "is gone"
    for change, words in (
        ({"volume": "local-hdd:other"}, "is another volume: local-hdd:other, and was local-hdd:vm-94001022-scsi0"),
        ({"size": 2**31}, "has another size: 2147483648 bytes, and had 1073741824"),
        ({"label": "x"}, "is called 'x', and was 'ssh_keys'"),
        ({"vmid": 1}, "is gone"),
    ):
        assert compare_kept(DISK, [dataclasses.replace(DISK, **change)]) == words  # type: ignore[arg-type]
