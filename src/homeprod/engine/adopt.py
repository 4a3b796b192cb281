"""Adopt: read a machine that was there before the site, and draft its modules. Writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.core.errors import HomeprodError, NotFoundError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import Actual, ActualMachine, ListedMachine, Resources
from homeprod.plan.draft.data import draft_data_machine, list_owned, name_data_disk, name_drafted
from homeprod.plan.draft.machine import DataDiskName, Subject, draft_machine, list_disks
from homeprod.plan.draft.text import Draft, Vocabulary
from homeprod.plan.drives import coming_config
from homeprod.plan.volume import read_owner
from homeprod.site.machine import DataVirtualMachine
from homeprod.site.site import Site

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Adoption:
    """``drafts`` by the order in which they are to be read; ``machines`` as they were read; ``remarks`` for a
    person."""

    drafts: tuple[Draft, ...]
    actual: Actual
    remarks: tuple[str, ...]


def draft_adoption(hypervisor: Hypervisor, site: Site, vocabulary: Vocabulary, vmid: int, name: str) -> Adoption:
    """The modules for the machine at ``vmid``, as ``name`` or as it is called in Proxmox; and for the data VMs that
    own disks of it. A name that ends in ``-data`` makes it a data VM itself. Raises HomeprodError where it cannot be
    adopted."""
    version, resources = hypervisor.read_version(), hypervisor.read_resources()
    found = _read(hypervisor, _find_listed(site, resources, vmid))
    subject = Subject(site, vocabulary, found, _choose_name(site, found, name))
    actual = Actual(version, {}, resources, {vmid: found})
    if subject.name.endswith("-data"):
        return Adoption((_draft_data(subject),), actual, ())
    owners = _Owners(hypervisor, site, vocabulary, resources, subject)
    data_disks = dict(owners.name_disks())
    drafts = (*(_draft_data(owner) for owner in owners.subjects), draft_machine(subject, data_disks))
    machines = {vmid: found, **{owner.found.listed.vmid: owner.found for owner in owners.subjects}, **owners.declared}
    return Adoption(drafts, Actual(version, {}, resources, machines), tuple(owners.remarks))


def _draft_data(subject: Subject) -> Draft:
    vmid = subject.found.listed.vmid
    if subject.found.listed.status == "running":
        raise HomeprodError(
            "is running, and a data VM never is",
            where=f"VMID {vmid}",
            hint="choose a name that does not end in -data; or shut it down first, if nothing else uses its disks",
        )
    try:
        return draft_data_machine(subject)
    except ValueError:
        hint = "a data VM owns disks; for a machine that runs choose a name that does not end in -data"
        raise HomeprodError("owns no disk that a site can declare", where=f"VMID {vmid}", hint=hint) from None


def _find_listed(site: Site, resources: Resources, vmid: int) -> ListedMachine:
    declared = next((d for d in site.machines.values() if site.vmid(d.machine) == vmid), None)
    if declared is not None:
        file = declared.file.relative_to(site.root)
        hint = f"see what it makes of it:\n\n  homeprod plan --only {declared.name}"
        raise UsageError(f"VMID {vmid} is declared already, as {declared.name}", where=str(file), hint=hint)
    listed = next((machine for machine in resources.machines if machine.vmid == vmid), None)
    if listed is None:
        hint = "see what there is in Proxmox, or whether this token may see it (VM.Audit)"
        raise NotFoundError(f"the cluster has no machine with VMID {vmid}", hint=hint)
    if listed.is_container:
        hint = "homeprod runs virtual machines; containers stay with whoever runs them now"
        raise HomeprodError(f"is a container ({listed.name})", where=f"VMID {vmid}", hint=hint)
    if listed.is_template:
        hint = "it is never started; adopt the machines that were made from it"
        raise HomeprodError(f"is a template ({listed.name})", where=f"VMID {vmid}", hint=hint)
    if not any(node.name == listed.node and node.is_online for node in resources.nodes):
        hint = "start that node first: nothing can be read of its machines"
        raise HomeprodError(f"is on the node {listed.node}, which is not online", where=f"VMID {vmid}", hint=hint)
    return listed


def _read(hypervisor: Hypervisor, listed: ListedMachine) -> ActualMachine:
    """Raises HomeprodError for one that has a mark, or is being made."""
    found = ActualMachine(listed, hypervisor.read_machine(listed.node, listed.vmid))
    mark, where = found.note_mark, f"VMID {listed.vmid}"
    if mark is not None and mark.vmid == listed.vmid:
        hint = (
            f"it has the mark of site {mark.site}; give it up there first:\n\n  homeprod forget {mark.address.name}"
        )
        raise HomeprodError(f"belongs to a site already, as {mark.address}", where=where, hint=hint)
    if mark is not None:
        hint = "take the lines that begin with `homeprod-` out of its note in Proxmox, then repeat"
        raise HomeprodError(
            f"has the mark of {mark.address} (VMID {mark.vmid}): it is a copy", where=where, hint=hint
        )
    if lock := found.config.config.get("lock"):
        raise HomeprodError(f"is locked ({lock}) in Proxmox", where=where, hint="wait until that has ended")
    return found


def _choose_name(site: Site, found: ActualMachine, wanted: str) -> str:
    listed = found.listed
    name = wanted or str(found.config.config.get("name", "")).lower()
    if not NAME.fullmatch(name) or len(name) > 63:
        what = f"{name!r} is no name for a module" if name else "it has no name in Proxmox"
        hint = (
            f"lower-case letters, digits and -, beginning with a letter:\n\n  homeprod adopt {listed.vmid} --as NAME"
        )
        raise UsageError(what, where=f"VMID {listed.vmid}", hint=hint)
    if name in site.machines:
        hint = f"give it another:\n\n  homeprod adopt {listed.vmid} --as NAME"
        raise UsageError(f"the site has a machine named {name} already", where=f"VMID {listed.vmid}", hint=hint)
    return name


class _Owners:
    """The machines that own disks of the one to be adopted: data VMs of the site, or such as are adopted with it."""

    def __init__(
        self, hypervisor: Hypervisor, site: Site, vocabulary: Vocabulary, resources: Resources, subject: Subject
    ) -> None:
        self._hypervisor, self._site, self._vocabulary, self._subject = hypervisor, site, vocabulary, subject
        self._listed = {machine.vmid: machine for machine in resources.machines}
        self.subjects: list[Subject] = []
        self.declared: dict[int, ActualMachine] = {}
        self.remarks: list[str] = []

    def name_disks(self) -> Iterator[tuple[str, DataDiskName]]:
        """By volume, how a module names each foreign disk that the site knows or will."""
        vmid = self._subject.found.listed.vmid
        foreign = [(slot, drive, read_owner(drive.volume)) for slot, drive in list_disks(self._subject.config)]
        named: dict[str, DataDiskName] = {}
        for other in sorted({owner for _, _, owner in foreign if owner is not None and owner != vmid}):
            named |= dict(self._name_disks_of(other))
        for slot, drive, owner in foreign:
            if owner != vmid and drive.volume not in named:
                self.remarks.append(f"{slot} ({drive.volume}) is left as it is: the site cannot tell whose it is")
        yield from named.items()

    def _name_disks_of(self, owner: int) -> Iterator[tuple[str, DataDiskName]]:
        listed = self._listed.get(owner)
        if listed is None or listed.is_container or listed.is_template:
            return
        declared = next((d for d in self._site.machines.values() if self._site.vmid(d.machine) == owner), None)
        if declared is not None:
            if isinstance(declared.machine, DataVirtualMachine):
                yield from self._name_declared(declared.name, declared.machine, listed)
            return
        if listed.status == "running":
            self.remarks.append(f"VMID {owner} ({listed.name}), which owns disks of it, is running: no data VM does")
            return
        name = f"{self._subject.name}-data"
        if name in self._site.machines or any(subject.name == name for subject in self.subjects):
            name = f"{self._subject.name}-{owner}-data"
        subject = Subject(self._site, self._vocabulary, _read(self._hypervisor, listed), name)
        if list_owned(subject):
            self.subjects.append(subject)
            self.remarks.append(f"VMID {owner} ({listed.name}) owns disks of it, and is adopted with it as {name}")
            yield from name_drafted(subject)

    def _name_declared(
        self, name: str, machine: DataVirtualMachine, listed: ListedMachine
    ) -> Iterator[tuple[str, DataDiskName]]:
        """The disks of a data VM that the site has already: by volume, or by the serial that it gave them."""
        found = ActualMachine(listed, self._hypervisor.read_machine(listed.node, listed.vmid))
        self.declared[listed.vmid] = found
        for _, drive in list_disks(coming_config(found.config)):
            for place, disk in enumerate(machine.disks):
                if drive.volume == disk.volume or (not disk.volume and ("serial", disk.label) in drive.options):
                    yield drive.volume, name_data_disk(name, place)
