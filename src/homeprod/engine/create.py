"""Create one machine: its ISO, the machine with its marks and disks, the disks grown.

The mark and the tag ``homeprod-new`` are set by the very call that makes the machine, so that a crash anywhere loses
nothing: the next plan sees what there is.
"""

from __future__ import annotations

import time

from homeprod.core.errors import NotFoundError, ProxmoxError
from homeprod.engine.file import send_iso
from homeprod.engine.taken import explain_taken
from homeprod.engine.work import Say, Work, tell_time
from homeprod.plan.change import Change
from homeprod.plan.config import Config, Drive, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import find_by_serial
from homeprod.plan.mark import NEW_TAG, Mark, parse_note, render_note

CREATION_LIMIT = 600.0
"""Seconds for a creation whose answer was lost."""


def prepare_machine(work: Work, change: Change, machine: DesiredMachine, say: Say) -> Config:
    """Send its ISO, and find all that the creating call needs. What fails here fails before a machine that is to be
    replaced was touched. Raises ProxmoxError."""
    iso = send_iso(work, machine, machine.node, change.instance, say)
    return _compose(work, change, machine, iso)


def create_machine(work: Work, change: Change, machine: DesiredMachine, config: Config, say: Say) -> None:
    """Make the machine, stopped. Raises ProxmoxError."""
    try:
        work.run(lambda: work.hypervisor.create_machine(machine.node, machine.vmid, config), say)
    except ProxmoxError as error:
        # The answer of an earlier attempt may have been lost, and the machine made all the same.
        if not _is_made(work, change, machine):
            raise explain_taken(work, machine, error) from error
    grow_imported_disks(work, machine, say)


def _is_made(work: Work, change: Change, machine: DesiredMachine) -> bool:
    """Whether the machine of this very creation is there, and complete."""
    deadline = time.monotonic() + CREATION_LIMIT
    while True:
        try:
            config = work.hypervisor.read_machine(machine.node, machine.vmid).config
        except ProxmoxError:
            return False
        mark = parse_note(str(config.get("description", "")))
        if mark is None or mark.instance != change.instance:
            return False
        if "lock" not in config:
            return True
        if time.monotonic() >= deadline or work.is_stopping.is_set():
            return False
        time.sleep(work.manner.look_every)  # the lost task still makes its disks


def _compose(work: Work, change: Change, machine: DesiredMachine, iso: str | None) -> Config:
    site, commit = work.site.config.id, work.manner.commit
    mark = Mark(site, machine.address, machine.vmid, change.instance, commit, machine.forces, tell_time())
    config: dict[str, Value] = {**machine.config, "description": render_note(mark, machine.words or "")}
    tags = machine.config["tags"]
    # A machine that is not to be started is finished once it is created; any other carries the tag until its end
    # was seen.
    if machine.is_started and isinstance(tags, frozenset):
        config["tags"] = tags | {NEW_TAG}
    config |= machine.disks
    for disk in machine.attached:
        volume = disk.volume or find_volume(work, machine, disk.owner, disk.serial)
        config[disk.slot] = Drive(volume, None, disk.options)
    if iso is not None:
        config["ide2"] = Drive(iso, None, (("media", "cdrom"),))
    return config


def find_volume(work: Work, machine: DesiredMachine, owner: int, serial: str) -> str:
    """The volume of the data VM's disk with that serial, as it is now. Raises NotFoundError."""
    listed = work.actual.machines.get(owner)
    made = next((other.node for other in work.desired.values() if other.vmid == owner), machine.node)
    node = listed.listed.node if listed is not None else made
    found = find_by_serial(work.hypervisor.read_machine(node, owner).config, serial)
    if found is None:
        raise NotFoundError(
            f"the data VM {owner} has no disk with serial {serial}",
            where=str(machine.address),
            hint="run homeprod plan: it shows what the data VM lacks",
        )
    return found[1].volume


def grow_imported_disks(work: Work, machine: DesiredMachine, say: Say) -> None:
    """An imported disk has the image's size until it is grown. Growing to a size that it has does nothing."""
    for slot, disk in machine.disks.items():
        if disk.import_from is not None:
            grow_disk(work, machine.node, machine.vmid, slot, disk.size, say)


def grow_disk(work: Work, node: str, vmid: int, slot: str, size: int, say: Say) -> None:
    work.run(lambda: work.hypervisor.grow_disk(node, vmid, slot, size), say, is_news=False)
