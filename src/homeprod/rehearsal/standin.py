"""Stand-ins: the site cut down to what is rehearsed, with everything of its own that may not be the real one's."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from homeprod.site.configured import find_control
from homeprod.site.machine import DataDisk, DataVirtualMachine, Environment, Machine, VirtualMachine
from homeprod.site.people import Person
from homeprod.site.site import DeclaredMachine, Site
from homeprod.site.upkeep import Upkeep

PERSON = "rehearsal"
"""Who does what people do: rings, signs, bootstraps. Gone with the stand-ins."""
PLAYBOOKS, VAULT = "playbooks", "vault"
"""What the lab calls the two repositories."""
_SELDOM = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Belongings:
    """What stand-ins have in place of what is the site's alone: ``folder`` is the root of their site, ``key`` the
    public key of the one person, ``git_host`` and ``git_host_key`` where their repositories are served."""

    folder: Path
    key: str
    git_host: str = "git.invalid"
    git_host_key: str = ""


def make_stand_in_site(site: Site, names: Collection[str], node: str, belongings: Belongings) -> Site:
    """The machines of these names with their data VMs, and the control node that configures them. They are built
    by the very definition, but for an identity of their own (id, and so marks and cards' addresses), one person more,
    and a control node that listens to that person alone, reads the lab's repositories, and does nothing unasked.
    Nothing waits for another environment, and no key is published yet."""
    person = Person(name=name_person(site), keys=(belongings.key,))
    kept = {*names, node}
    kept |= set(_list_data_machines(site, kept))
    maker = _Maker(site, person, belongings, names_of(site, names))
    machines = {
        name: replace(declared, machine=maker.make(declared.machine))
        for name, declared in site.machines.items()
        if name in kept
    }
    config = site.config.model_copy(update={"id": _name_site(site), "lease_limit": None})
    return replace(site, root=belongings.folder, config=config, machines=machines, control_keys={}, unread=())


def _name_site(site: Site) -> str:
    """Always the same for one site: its lab is described before it is built."""
    return str(uuid.uuid5(uuid.UUID(site.config.id), "stand-ins"))


def name_person(site: Site) -> str:
    """One that nobody of the site has."""
    taken = {person.name for declared in site.machines.values() for person in getattr(declared.machine, "people", ())}
    names = (PERSON, *(f"{PERSON}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def names_of(site: Site, machines: Collection[str]) -> set[str]:
    """The environments of these machines."""
    return {site.machines[name].machine.environment.name for name in machines}


def _list_data_machines(site: Site, names: Collection[str]) -> Iterator[str]:
    for name in names:
        machine = site.machines[name].machine
        for mount in machine.mounts if isinstance(machine, VirtualMachine) else ():
            owner = site.owner(mount.disk)
            if owner is not None:
                yield owner.name


class _Maker:
    """Each environment and each data disk has one copy, for all that name it. Hosts of the environments that are
    ``checked`` can be asked what a run would change, and are asked by nobody but us."""

    def __init__(self, site: Site, person: Person, belongings: Belongings, checked: Collection[str]) -> None:
        self._site, self._person, self._belongings = site, person, belongings
        self._checked = checked
        self._environments: dict[str, Environment] = {}
        self._disks: dict[int, DataDisk] = {}

    def make(self, machine: Machine) -> Machine:
        environment = self._find_environment(machine.environment)
        if isinstance(machine, DataVirtualMachine):
            return self._make_data_machine(machine, environment)
        update: dict[str, object] = {"environment": environment, "protected": False, "started": True}
        if isinstance(machine, VirtualMachine):
            mounts = (one.model_copy(update={"disk": self._find_disk(one.disk)}) for one in machine.mounts)
            update |= {"mounts": tuple(mounts), "people": (*machine.people, self._person), "counterpart": None}
        if (control := find_control(machine)) is not None:
            update["control"] = control.model_copy(update=_list_control(self._person, self._belongings))
        return machine.model_copy(update=update)

    def _make_data_machine(self, machine: DataVirtualMachine, environment: Environment) -> DataVirtualMachine:
        """Of one that was adopted, a new one as homeprod makes them: nothing of it is there in a lab."""
        return DataVirtualMachine(
            number=machine.number,
            vmid=self._site.vmid(machine),
            environment=environment,
            node=machine.node,
            tags=machine.tags,
            disks=tuple(self._find_disk(disk) for disk in machine.disks),
        )

    def _find_disk(self, disk: DataDisk) -> DataDisk:
        """An empty one of its size, known to its owner and its user by being the very same."""
        return self._disks.setdefault(id(disk), disk.model_copy(update={"volume": ""}))

    def _find_environment(self, environment: Environment) -> Environment:
        name = environment.name
        if name not in self._environments:
            upkeep = Upkeep(every=_SELDOM) if name in self._checked else None
            update = {"after": None, "promotion": None, "upkeep": upkeep, "branch": name}
            self._environments[name] = environment.model_copy(update=update)
        return self._environments[name]


def _list_control(person: Person, belongings: Belongings) -> Mapping[str, object]:
    return {
        "playbooks": f"ssh://git@{belongings.git_host}/{PLAYBOOKS}.git",
        "vault": f"ssh://git@{belongings.git_host}/{VAULT}.git",
        "git_host_keys": (f"{belongings.git_host} {belongings.git_host_key}",) if belongings.git_host_key else (),
        "administrators": (person,),
        "ringers": (),
        "signers": (person,),
    }


def list_stand_ins(site: Site) -> list[DeclaredMachine]:
    """The machines of a stand-in site that run, its control node first: it makes what the others wait for."""
    running = [one for one in site.machines.values() if isinstance(one.machine, VirtualMachine)]
    return sorted(running, key=lambda one: (find_control(one.machine) is None, one.name))
