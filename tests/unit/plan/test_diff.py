"""diff over examples/pegasus: every action, and that what was made as desired gives an empty plan."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.plan.pegasus import (
    ANSIBLE,
    CODER,
    DESIRED,
    ID,
    INSTANCE,
    KEYS,
    MACHINES,
    SITE,
    actual,
    choose_instance,
    list_content,
    make,
    plan,
    redeclare,
    with_machine,
    with_policy,
    without,
)

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.core.sizes import GiB
from homeprod.plan.actual import ActualMachine, MachineConfig, Volume
from homeprod.plan.change import Action, Effect
from homeprod.plan.config import Drive, Value
from homeprod.plan.desired import desire
from homeprod.plan.mark import NEW_TAG, Mark, parse_note, render_note, words_of
from homeprod.plan.order import order_changes
from homeprod.site.people import Person


def _pending(found: ActualMachine, **values: Value | None) -> ActualMachine:
    return dataclasses.replace(found, config=dataclasses.replace(found.config, pending=values))


def test_what_was_made_as_desired_gives_an_empty_plan() -> None:
    assert plan(actual()).is_empty


def test_nothing_there_creates_everything_with_images() -> None:
    made = plan(actual({}, ()))
    assert [change.action for change in made.changes] == [Action.CREATE] * 11
    assert sum(change.address.kind == "image" for change in made.changes) == 2
    assert {change.instance for change in made.changes if change.address == CODER} == {choose_instance(CODER)}
    assert set(made.basis.values()) == {"absent"}


@pytest.mark.parametrize(
    ("key", "value", "effect"),
    [
        ("cores", 4, Effect.COLD_START),
        ("memory", 512, Effect.COLD_START),
        ("tags", frozenset({"by-hand"}), Effect.LIVE),
        ("name", "other", Effect.LIVE),
        ("onboot", False, Effect.LIVE),
    ],
)
def test_a_strangers_change_is_planned_back(key: str, value: Value, effect: Effect) -> None:
    change, *rest = plan(with_machine(make(DESIRED[CODER], **{key: value}))).changes
    assert (change.action, change.address) == (Action.UPDATE, CODER)
    assert [(d.attribute, d.old, d.effect) for d in change.differences] == [(key, value, effect)]
    assert [(step.action, step.waits) for step in rest] == [(Action.COLD_START, (key,))] * change.differences[0].waits


def test_a_stopped_machine_needs_no_cold_start() -> None:
    (change,) = plan(with_machine(make(DESIRED[CODER], "stopped", cores=4))).changes
    assert [d.effect for d in change.differences] == [Effect.LIVE]


def test_what_the_site_does_not_name_is_left_alone() -> None:
    assert plan(with_machine(make(DESIRED[CODER], balloon=256, vga="qxl"))).is_empty


def test_a_value_that_waits_is_not_planned_again_but_shown() -> None:
    made = plan(with_machine(_pending(make(DESIRED[CODER], cores=4), cores=2)), with_policy("never"))
    assert made.is_empty
    assert [(notice.address, notice.message) for notice in made.notices] == [(CODER, "cores waits for a cold start")]


def test_a_new_tag_means_finish_and_is_no_drift() -> None:
    tags = DESIRED[CODER].config["tags"]
    assert isinstance(tags, frozenset)
    (change,) = plan(with_machine(make(DESIRED[CODER], tags=tags | {NEW_TAG}))).changes
    assert (change.action, change.action.sign) == (Action.FINISH, ">")
    assert change.why == "its end, or its hand-over to lab-ansible, was not seen", "one tag stands for both"
    own = DESIRED[ANSIBLE].config["tags"]
    assert isinstance(own, frozenset)
    (change,) = plan(with_machine(make(DESIRED[ANSIBLE], tags=own | {NEW_TAG}))).changes
    assert change.why == "was made, but its end was not seen", "which nobody configures"


def test_another_image_replaces_and_says_why() -> None:
    site = redeclare("lab-coder", image=SITE.machines["lab-proxy"].machine.image)  # type: ignore[attr-defined]
    made = plan(actual(), site)
    replacement, *rest = made.changes
    assert (replacement.action, replacement.why) == (Action.REPLACE, "image cannot be changed in place")
    # Ubuntu's image is used by nobody then.
    assert [(c.action, c.address.kind) for c in rest] == [(Action.DELETE, "image")]


def test_another_address_replaces() -> None:
    site = redeclare("lab-coder", addresses=(30,))
    (change,) = plan(actual(), site).changes
    assert (change.action, change.why) == (Action.REPLACE, "network cannot be changed in place")
    assert [(d.old, d.new) for d in change.differences] == [("10.111.1.21", "10.111.1.21 10.111.1.30")]


def test_changed_user_data_swaps_the_iso_only() -> None:
    you = Person(name="you", keys=("ssh-ed25519 AAAA you",))
    (change,) = plan(actual(), redeclare("lab-coder", people=(you,))).changes
    assert (change.action, change.instance) == (Action.UPDATE, INSTANCE)
    assert [(d.attribute, d.effect) for d in change.differences] == [("cloud-init", Effect.RECREATION)]


def test_a_smaller_disk_is_grown_and_a_bigger_one_left() -> None:
    options = DESIRED[CODER].disks["scsi0"].options
    small = Drive("local-nvme:vm-4001021-disk-0", 2 * GiB, options)
    (change,) = plan(with_machine(make(DESIRED[CODER], scsi0=small))).changes
    assert [(d.attribute, d.new) for d in change.differences] == [("scsi0 size", 32 * GiB)]
    big = dataclasses.replace(small, size=99 * GiB)
    assert plan(with_machine(make(DESIRED[CODER], scsi0=big))).is_empty


def test_a_disk_left_out_of_the_backup_by_hand_is_put_back() -> None:
    drive = Drive("local-nvme:vm-4001021-scsi0", 32 * GiB, (("backup", "0"), ("discard", "on")))
    (change,) = plan(with_machine(make(DESIRED[CODER], scsi0=drive))).changes
    (difference,) = change.differences
    assert difference.new == dataclasses.replace(drive, options=(("backup", "1"), ("discard", "on")))


def test_data_disks_are_known_by_serial_in_any_slot() -> None:
    found = MACHINES[94001022].config.config["scsi0"]
    moved = make(DESIRED[KEYS], scsi3=found)
    config = {key: value for key, value in moved.config.config.items() if key != "scsi0"}
    moved = dataclasses.replace(moved, config=dataclasses.replace(moved.config, config=config))
    assert plan(with_machine(moved)).is_empty


def test_a_data_disk_that_left_the_site_is_kept_and_shown() -> None:
    extra = Drive("local-hdd:vm-94001022-disk-7", GiB, (("serial", "old"),))
    made = plan(with_machine(make(DESIRED[KEYS], scsi7=extra)))
    assert made.is_empty
    assert [notice.message for notice in made.notices] == ["scsi7 (old) left the site; it is kept"]


def test_a_detached_data_disk_is_attached_again() -> None:
    found = make(DESIRED[ANSIBLE])
    config = {key: value for key, value in found.config.config.items() if key != "scsi1"}
    found = dataclasses.replace(found, config=dataclasses.replace(found.config, config=config))
    (change,) = plan(with_machine(found)).changes
    (difference,) = change.differences
    assert difference.attribute == "scsi1"
    assert isinstance(difference.new, Drive)
    assert difference.new.volume == "local-hdd:vm-94001022-scsi0"


def test_a_machine_that_left_the_site_is_deleted() -> None:
    first, image = plan(actual(), without("lab-coder")).changes
    assert (first.action, first.vmid) == (Action.DELETE, 4001021)
    assert (image.action, image.address.kind) == (Action.DELETE, "image")


def test_a_data_vm_that_left_the_site_is_kept() -> None:
    made = plan(actual(), without("lab-ansible", "lab-ansible-data"))
    assert [(change.action, change.address) for change in made.changes] == [(Action.DELETE, ANSIBLE)]
    assert [(notice.address, "destroy --data" in notice.message) for notice in made.notices] == [(KEYS, True)]


@pytest.mark.parametrize("note", ["", "homeprod-site: other", render_note(Mark("0" * 36, CODER, 4001021, "x"), "")])
def test_a_stranger_on_our_vmid_is_a_conflict_and_never_changed(note: str) -> None:
    made = plan(with_machine(make(DESIRED[CODER], description=note)))
    assert not [change for change in made.changes if change.vmid]
    assert [conflict.address for conflict in made.conflicts] == [CODER]


def test_a_protected_machine_is_neither_replaced_nor_deleted() -> None:
    found = with_machine(make(DESIRED[CODER], protection=True))
    for site in (redeclare("lab-coder", addresses=(30,), protected=True), without("lab-coder")):
        (conflict,) = plan(found, site).conflicts
        assert "is protected" in conflict.message
        assert conflict.hint


def test_a_renamed_module_is_a_rename_in_place_and_its_data_vm_too() -> None:
    machines = dict(SITE.machines)
    for old, new in (("lab-ansible", "lab-control"), ("lab-ansible-data", "lab-control-data")):
        machines[new] = dataclasses.replace(machines.pop(old), name=new)
    made = plan(actual(), dataclasses.replace(SITE, machines=machines))
    assert [(change.action, str(change.address)) for change in made.changes] == [
        (Action.UPDATE, "data-vm/lab-control-data"),
        (Action.UPDATE, "vm/lab-control"),
    ]
    assert [[d.attribute for d in change.differences] for change in made.changes] == [
        ["name", "address"],
        ["name", "address", "cloud-init"],
    ]


def test_a_machine_that_somebody_stopped_is_shown_and_started_when_asked() -> None:
    found = with_machine(make(DESIRED[CODER], "stopped"))
    assert [notice.message for notice in plan(found).notices] == ["is stopped; `homeprod apply --start` starts it"]
    made = plan(found, starts=True)
    assert [change.action for change in made.changes] == [Action.START]
    assert not made.notices


def test_a_stand_in_says_so() -> None:
    content = tuple(
        dataclasses.replace(volume, note="stand-in: debian-13") if ":import/" in volume.id else volume
        for volume in list_content()
    )
    made = plan(actual(content=content))
    assert made.is_empty
    assert {(notice.address.kind, notice.message) for notice in made.notices} == {("image", "stand-in: debian-13")}
    assert len(made.notices) == 2


def test_files_that_nothing_uses_are_deleted_and_strangers_files_never() -> None:
    extra = [f"local-hdd:iso/homeprod-{ID[:8]}-lab-coder-000000000000.iso", "local-hdd:iso/homeprod-ffffffff-x-0.iso"]
    content = (*list_content(), *(Volume(volume, "iso", 1) for volume in (*extra, "local-hdd:iso/debian.iso")))
    (change,) = plan(actual(content=content)).changes
    assert (change.action, change.volume) == (Action.DELETE, extra[0])


def test_an_iso_that_waits_for_a_cold_start_is_not_deleted() -> None:
    waiting = Volume(f"local-hdd:iso/homeprod-{ID[:8]}-lab-coder-000000000000.iso", "iso", 1)
    found = _pending(make(DESIRED[CODER]), ide3=Drive(waiting.id))
    assert plan(actual({**MACHINES, 4001021: found}, (*list_content(), waiting))).is_empty


def test_a_secret_in_a_note_or_package_list_is_refused_without_being_shown() -> None:
    secret = "hunter2hunter2"
    for changes in ({"note": f"password: {secret}"}, {"packages": (f"token={secret}",)}):
        with pytest.raises(HomeprodError) as caught:
            plan(actual({}, ()), redeclare("lab-coder", **changes))
        assert secret not in str(caught.value) + caught.value.hint


def test_the_note_keeps_the_sites_words_and_the_mark() -> None:
    mark = Mark(ID, CODER, 4001021, "1a2b3c", "abc1234", {"image": "debian.qcow2", "network": "10.0.0.1 fd00::1"})
    note = render_note(mark, "Builds things.\nAsk Sean.")
    assert parse_note(note) == mark
    assert words_of(note) == "Builds things.\nAsk Sean."


def test_a_note_with_two_marks_is_none() -> None:
    note = render_note(Mark(ID, Address("vm", "lab-coder"), 4001021, "x"), "")
    assert parse_note(note + "\n" + note) is None


def test_a_machine_that_an_earlier_apply_still_makes_is_waited_for_and_keeps_its_iso() -> None:
    """Until its disks are there Proxmox shows nothing of it but its lock."""
    iso = Volume(f"local-hdd:iso/homeprod-{ID[:8]}-lab-coder-000000000000.iso", "iso", 1)
    listed = MACHINES[4001021].listed
    found = ActualMachine(listed, MachineConfig({"lock": "create"}))
    made = plan(actual({**MACHINES, 4001021: found}, (*list_content(), iso)))
    (conflict,) = made.conflicts
    assert "is being made just now" in conflict.message
    assert conflict.passes
    assert not made.changes


def test_what_cannot_be_done_to_a_disk_is_told() -> None:
    options = DESIRED[CODER].disks["scsi0"].options
    made = plan(with_machine(make(DESIRED[CODER], scsi0=Drive("elsewhere:vm-4001021-disk-0", 99 * GiB, options))))
    assert not made.changes
    assert [notice.message.partition(":")[0] for notice in made.notices] == [
        "scsi0 has 99 GiB, the site says 32 GiB",
        "scsi0 is on elsewhere, the site says local-nvme",
    ]
    assert all(notice.differs for notice in made.notices)


def test_another_number_never_gives_a_machine_new_empty_data_disks() -> None:
    (conflict,) = plan(actual(), redeclare("lab-ansible-data", number=40, vmid=94000040)).conflicts
    assert conflict.address == KEYS
    assert "write `vmid=94001022` into its module" in conflict.hint


def test_a_machine_with_a_data_disk_gets_another_number() -> None:
    """The old one goes first, since it holds the disk; the disk stays."""
    site = redeclare("lab-ansible", number=40)
    found = actual()
    made = plan(found, site)
    assert [(c.action, c.vmid) for c in made.changes] == [(Action.CREATE, 4001040), (Action.DELETE, 4001022)]
    assert order_changes(made, desire(site), found)[0] == {1}
