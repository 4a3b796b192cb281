"""What a plan must never do by itself: every way in which the only copy of something could be at stake."""

from __future__ import annotations

import dataclasses

from tests.unit.plan.pegasus import (
    ANSIBLE,
    CODER,
    DESIRED,
    ID,
    INSTANCE,
    KEYS,
    MACHINES,
    NODE,
    RESOURCES,
    SITE,
    actual,
    list_content,
    make,
    plan,
    redeclare,
    with_machine,
    without,
)

from homeprod.core.sizes import GiB, MiB
from homeprod.plan.actual import Actual, ActualMachine, ListedMachine, ListedNode, Resources
from homeprod.plan.change import Action, Effect
from homeprod.plan.config import Drive, Value
from homeprod.plan.desired import desire
from homeprod.plan.drives import compare_attached
from homeprod.plan.mark import Mark, render_note
from homeprod.plan.order import order_changes
from homeprod.plan.scope import choose_part
from homeprod.site.machine import DataDisk, DataVirtualMachine
from homeprod.site.site import Site


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


def _listed(*machines: ListedMachine, other: bool = True) -> Resources:
    """``other`` says whether the second node is online."""
    return dataclasses.replace(RESOURCES, machines=machines, nodes=(*RESOURCES.nodes, ListedNode("pve2", other)))


def test_a_container_on_our_vmid_is_a_conflict() -> None:
    container = ListedMachine(4001021, NODE, "nas", "running", is_container=True)
    machines = {vmid: found for vmid, found in MACHINES.items() if vmid != 4001021}
    made = plan(actual(machines, resources=_listed(container)))
    assert "held by the container 'nas'" in made.conflicts[0].message
    assert not [change for change in made.changes if change.vmid]


def test_the_ha_kept_machine_is_not_replaced_under_its_feet() -> None:
    found = make(DESIRED[CODER])
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, is_managed=True))
    (conflict,) = plan(with_machine(found), redeclare("lab-coder", addresses=(30,))).conflicts
    assert "kept by Proxmox's HA" in conflict.message
    assert "ha-manager remove vm:4001021" in conflict.hint


def test_a_data_vm_is_never_taken_for_a_machine_nor_the_other_way() -> None:
    """Its protection may have been taken off by hand, and its VMID written into another module."""
    for there, wanted in ((KEYS, CODER), (CODER, KEYS)):
        machine = dataclasses.replace(DESIRED[there], vmid=DESIRED[wanted].vmid)
        made = plan(with_machine(make(machine, protection=False)))
        assert made.conflicts[0].address == wanted
        assert f"is the {there.kind} {there.name}" in made.conflicts[0].message
        assert DESIRED[wanted].vmid not in {change.vmid for change in made.changes}


def test_what_the_site_protects_is_not_replaced_though_proxmox_does_not_know_yet() -> None:
    made = plan(actual(), redeclare("lab-coder", addresses=(30,), protected=True))
    assert "is protected" in made.conflicts[0].message


def test_a_locked_machine_is_not_replaced_or_deleted() -> None:
    found = make(DESIRED[CODER])
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, lock="suspended"))
    for site in (redeclare("lab-coder", addresses=(30,)), without("lab-coder")):
        (conflict,) = plan(with_machine(found), site).conflicts
        assert conflict.message == "is locked (suspended) in Proxmox"
    assert plan(with_machine(found)).is_empty


def test_a_template_made_of_our_machine_is_a_conflict_once_it_would_be_changed() -> None:
    found = make(DESIRED[CODER], cores=7)
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, is_template=True))
    (conflict,) = plan(with_machine(found)).conflicts
    assert "was made a template" in conflict.message


def _with(found: ActualMachine, *gone: str, **values: Value) -> ActualMachine:
    config = {key: value for key, value in found.config.config.items() if key not in gone} | values
    return dataclasses.replace(found, config=dataclasses.replace(found.config, config=config))


def _both(*found: ActualMachine) -> Actual:
    return actual({**MACHINES, **{machine.listed.vmid: machine for machine in found}})


DATA = Drive("local-hdd:vm-94001022-scsi0", GiB, (("backup", "0"), ("serial", "ssh_keys")))


def test_a_data_disk_that_was_detached_from_its_data_vm_is_not_made_anew() -> None:
    """An empty disk would take the old one's serial, and then its place in the running machine."""
    detached = _with(MACHINES[94001022], "scsi0", unused0=DATA.volume)
    unlabelled = _with(MACHINES[94001022], "scsi0", scsi4=dataclasses.replace(DATA, options=()))
    for keys in (detached, unlabelled):
        made = plan(_both(keys))
        assert made.conflicts[0].address == KEYS
        assert "local-hdd:vm-94001022-scsi0" in made.conflicts[0].message
        assert "qm set 94001022 --scsi" in made.conflicts[0].hint


def test_two_disks_with_one_serial_are_nobodys_guess() -> None:
    made = plan(_both(_with(MACHINES[94001022], scsi5=dataclasses.replace(DATA, volume="local-hdd:vm-94001022-old"))))
    assert "two disks with serial ssh_keys: scsi0, scsi5" in made.conflicts[0].message


def test_a_data_disk_in_use_is_never_swapped_for_another_volume() -> None:
    """As after `qm disk move` of the data VM's disk: the machine writes to the old volume still."""
    moved = _with(MACHINES[94001022], scsi0=dataclasses.replace(DATA, volume="local-nvme:vm-94001022-disk-0"))
    (conflict,) = plan(_both(moved)).conflicts
    assert conflict.address == ANSIBLE
    assert "uses local-hdd:vm-94001022-scsi0 as ssh_keys, its data VM has local-nvme:vm-94001022-disk-0" in (
        conflict.message
    )


def test_a_data_disk_is_never_attached_to_a_second_machine() -> None:
    """Proxmox would let both run with it, which destroys the file system."""
    holder = make(DESIRED[CODER], scsi9=dataclasses.replace(DATA, options=()))
    machines = {vmid: found for vmid, found in MACHINES.items() if vmid != 4001022}
    (conflict,) = plan(actual({**machines, 4001021: holder})).conflicts
    assert conflict.address == ANSIBLE
    assert conflict.message == "ssh_keys (local-hdd:vm-94001022-scsi0) is attached to vm/lab-coder (VMID 4001021)"


def _hand_over() -> Site:
    keys = SITE.machines["lab-ansible"].machine.mounts  # type: ignore[attr-defined]
    giver = redeclare("lab-ansible", mounts=()).machines["lab-ansible"]
    taker = redeclare("lab-coder", mounts=keys)
    return dataclasses.replace(taker, machines={**taker.machines, "lab-ansible": giver})


def test_a_data_disk_that_is_handed_over_is_not_a_conflict_unless_only_one_of_them_is_chosen() -> None:
    site, found = _hand_over(), actual()
    made = plan(found, site)
    assert not made.conflicts
    (conflict,) = choose_part(made, ["lab-coder"], site, found).conflicts
    assert "is attached to vm/lab-ansible" in conflict.message
    assert not choose_part(made, ["lab-coder", "lab-ansible"], site, found).conflicts


def test_disks_that_somebody_added_are_not_destroyed_with_the_machine() -> None:
    extra = Drive("local-nvme:vm-4001021-disk-7", 9 * GiB)
    for found in (_with(MACHINES[4001021], scsi7=extra), _with(MACHINES[4001021], unused0=extra.volume)):
        assert plan(with_machine(found)).is_empty
        for site in (redeclare("lab-coder", addresses=(30,)), without("lab-coder")):
            (conflict,) = plan(with_machine(found), site).conflicts
            assert "local-nvme:vm-4001021-disk-7" in conflict.message
            assert "homeprod destroy lab-coder" in conflict.hint


def test_a_disk_that_another_machine_uses_is_not_destroyed_with_its_owner() -> None:
    borrower = make(DESIRED[ANSIBLE], scsi9=Drive("local-nvme:vm-4001021-scsi0", 32 * GiB))
    (conflict,) = plan(with_machine(borrower), without("lab-coder")).conflicts
    assert "local-nvme:vm-4001021-scsi0 is in use by vm/lab-ansible" in conflict.message


def test_two_missing_data_disks_get_two_slots() -> None:
    other = SITE.machines["prod-ansible"].machine.mounts  # type: ignore[attr-defined]
    mine = SITE.machines["lab-ansible"].machine.mounts  # type: ignore[attr-defined]
    site = redeclare("lab-ansible", mounts=(*mine, *other))
    machine = desire(site)[ANSIBLE]
    found = _with(make(machine), "scsi1", "scsi2", scsi1=Drive("local-hdd:vm-7-disk-0", GiB))
    slots = [difference.attribute for difference in compare_attached(machine, found, MACHINES)]
    assert slots == ["scsi2", "scsi3"]


def _storage(name: str, **changes: object) -> Resources:
    storages = [dataclasses.replace(s, **changes) if s.name == name else s for s in RESOURCES.storages]  # type: ignore[arg-type]
    return dataclasses.replace(RESOURCES, storages=tuple(storages))


def test_an_obstacle_is_seen_whichever_machine_is_chosen() -> None:
    """It is told once, at the first machine; left out with it, the old one would be gone, no new one made."""
    full = actual({}, resources=_storage("local-nvme", used=2**40))
    for name in ("lab-coder", "lab-proxy"):
        part = choose_part(plan(full), [name], SITE, full)
        assert [str(conflict.address) for conflict in part.conflicts] == [f"vm/{name}"]


def test_a_storage_that_an_update_would_use_is_looked_at_too() -> None:
    keys = SITE.machines["lab-ansible-data"].machine
    assert isinstance(keys, DataVirtualMachine)
    more = DataDisk(label="more", size=GiB, on=keys.disks[0].on)
    site = redeclare("lab-ansible-data", disks=(*keys.disks, more))
    assert not plan(actual(), site).conflicts
    bare = _storage("local-hdd", content=frozenset({"iso", "import"}))
    [conflict] = plan(actual(resources=bare), site).conflicts
    assert "does not take content images" in conflict.message
    people = redeclare("lab-coder", people=())
    assert not plan(actual(), people).conflicts
    [conflict] = plan(actual(resources=_storage("local-hdd", content=frozenset({"import"}))), people).conflicts
    assert "does not take content iso" in conflict.message


def test_a_storage_with_next_to_nothing_free_is_full() -> None:
    made = plan(actual({}, resources=_storage("local-nvme", used=2**40 - 63 * MiB)))
    assert "is full" in made.conflicts[0].message


def _moved(*, shared: bool) -> tuple[Site, Actual]:
    """lab-coder went to pve2, and must be replaced where the site wants it."""
    found = make(DESIRED[CODER])
    found = dataclasses.replace(found, listed=dataclasses.replace(found.listed, node="pve2"))
    resources = _listed()
    if shared:
        storages = tuple(dataclasses.replace(storage, is_shared=True) for storage in resources.storages)
        resources = dataclasses.replace(resources, storages=storages)
    return redeclare("lab-coder", addresses=(30,)), actual({**MACHINES, 4001021: found}, (), resources=resources)


def test_a_machine_that_moved_is_replaced_on_the_sites_node_once_the_image_is_there() -> None:
    site, found = _moved(shared=False)
    made = plan(found, site)
    graph = order_changes(made, desire(site), found)
    (place,) = [place for place, change in enumerate(made.changes) if change.address == CODER]
    assert (made.changes[place].node, made.changes[place].action) == ("pve2", Action.REPLACE)
    assert {made.changes[other].address.kind for other in graph[place]} == {"image"}


def test_a_machine_that_moved_is_said_to_have() -> None:
    site, found = _moved(shared=False)
    (notice,) = [notice for notice in plan(found).notices if notice.address == CODER]
    assert notice.message.startswith(
        "is on the node pve2, the site says proxmox-1; it stays there: "
        "Proxmox can migrate it only without ide2 (local-hdd:iso/"
    )
    (notice,) = [notice for notice in plan(_moved(shared=True)[1]).notices if notice.address == CODER]
    assert notice.message.endswith("stays there: migrate it in Proxmox, or write node='pve2' into its module")
    assert not [notice for notice in plan(found, site).notices if "stays there" in notice.message]


def test_a_data_vm_whose_disks_are_in_use_must_not_be_migrated() -> None:
    """Proxmox copies a machine's own disks, and deletes the old ones without asking who uses them."""
    (notice,) = plan(actual(), redeclare("lab-ansible-data", node="pve2")).notices
    assert notice.address == KEYS
    assert "never migrate it while its disks are in use (local-hdd:vm-94001022-scsi0 by vm/lab-ansible)" in (
        notice.message
    )


def test_a_data_disk_on_another_nodes_own_storage_is_a_conflict_before_anything_is_destroyed() -> None:
    keys = MACHINES[94001022]
    keys = dataclasses.replace(keys, listed=dataclasses.replace(keys.listed, node="pve2"))
    found = actual({**MACHINES, 94001022: keys}, resources=_listed())
    (conflict,) = plan(found, redeclare("lab-ansible", addresses=(30,))).conflicts
    assert "ssh_keys lies on local-hdd of the node pve2" in conflict.message


def test_an_iso_that_was_deleted_by_hand_is_sent_again() -> None:
    """The machine could not start without it."""
    content = tuple(volume for volume in list_content() if "-lab-coder-" not in volume.id)
    (change,) = plan(actual(content=content)).changes
    assert (change.action, change.address) == (Action.UPDATE, CODER)
    (difference,) = change.differences
    assert (difference.attribute, difference.old, difference.effect) == ("cloud-init", None, Effect.LIVE)


def test_an_image_is_not_planned_for_a_storage_that_cannot_be_asked() -> None:
    found = dataclasses.replace(actual(), content={})
    assert not [change for change in plan(found).changes if change.address.kind == "image"]


def test_a_boot_disk_that_was_detached_is_not_made_anew() -> None:
    found = _with(MACHINES[4001021], "scsi0", unused0="local-nvme:vm-4001021-scsi0")
    (conflict,) = plan(with_machine(found)).conflicts
    assert conflict.message == "lacks its disk scsi0, and owns local-nvme:vm-4001021-scsi0, which may be it"


def test_a_data_disk_that_two_machines_have_already_is_told_though_nothing_else_differs() -> None:
    made = plan(_both(_with(MACHINES[4001021], scsi9=DATA)))
    assert not made.changes
    assert made.conflicts[0].address == KEYS
    assert "local-hdd:vm-94001022-scsi0 is attached to vm/lab-coder and vm/lab-ansible" in made.conflicts[0].message
