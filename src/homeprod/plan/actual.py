"""Actual: what was just read from Proxmox, as the same typed values that the site desires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeprod.plan.config import Config, Drive, Value
from homeprod.plan.mark import COLD_TAG, NEW_TAG, Mark, parse_note


@dataclass(frozen=True, slots=True)
class Version:
    """``/version``: ``release`` is for example ``8.4`` or ``9.2``, ``text`` what Proxmox calls itself."""

    release: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class ListedMachine:
    """A machine as ``/cluster/resources`` lists it: cheap, and possibly seconds old. ``memory`` is the most that it
    may use, in bytes."""

    vmid: int
    node: str
    name: str
    status: str
    tags: frozenset[str] = frozenset()
    lock: str | None = None
    is_template: bool = False
    is_container: bool = False
    is_managed: bool = False
    """Whether Proxmox's HA keeps it: it starts, stops and moves it, and asks nobody."""
    memory: int = 0


@dataclass(frozen=True, slots=True)
class ListedStorage:
    """A storage on one node as ``/cluster/resources`` lists it. Sizes in bytes."""

    name: str
    node: str
    kind: str
    content: frozenset[str]
    is_shared: bool = False
    is_available: bool = True
    used: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class ListedNode:
    """A node; ``memory`` in bytes."""

    name: str
    is_online: bool
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Resources:
    """One answer of ``/cluster/resources``."""

    machines: tuple[ListedMachine, ...] = ()
    storages: tuple[ListedStorage, ...] = ()
    nodes: tuple[ListedNode, ...] = ()

    @property
    def online(self) -> frozenset[str]:
        """Names of the nodes that are there."""
        return frozenset(node.name for node in self.nodes if node.is_online)


@dataclass(frozen=True, slots=True)
class Volume:
    """One entry of a storage's content list. ``id`` is ``STORAGE:NAME``, ``size`` in bytes."""

    id: str
    content: str
    size: int
    owner: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """One ``pending`` answer: what is in force now and what waits for a cold start.

    ``pending`` maps a key to the value that waits, or to None where its deletion waits. ``digest`` is that of the
    configuration file as read; a write that carries it is refused by Proxmox if the file moved since.
    """

    config: Config
    pending: Mapping[str, Value | None] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ActualMachine:
    """A machine as listed and as read."""

    listed: ListedMachine
    config: MachineConfig
    _volumes: list[frozenset[str]] = field(default_factory=list, init=False, repr=False, compare=False)
    """What ``volumes`` found: it is asked for again and again."""
    _marks: list[Mark | None] = field(default_factory=list, init=False, repr=False, compare=False)
    """What ``note_mark`` found, likewise."""

    @property
    def mark(self) -> Mark | None:
        """Whose machine it is; None for a stranger's, and for a copy of ours under another VMID."""
        mark = self.note_mark
        return mark if mark is not None and mark.vmid == self.listed.vmid else None

    @property
    def note_mark(self) -> Mark | None:
        """The mark in its note, which may be that of the machine that this one was copied from."""
        if not self._marks:
            note = self.config.config.get("description", "")
            self._marks.append(parse_note(note) if isinstance(note, str) else None)
        return self._marks[0]

    @property
    def is_new(self) -> bool:
        """Whether it was created, but its end was not seen yet."""
        tags = self.config.config.get("tags", frozenset())
        return isinstance(tags, frozenset) and NEW_TAG in tags

    @property
    def is_running(self) -> bool:
        return self.listed.status == "running"

    @property
    def is_owed_a_start(self) -> bool:
        """Whether an apply shut it down for a cold start and could not start it again."""
        tags = self.config.config.get("tags", frozenset())
        return isinstance(tags, frozenset) and COLD_TAG in tags and self.listed.status == "stopped"

    @property
    def is_protected(self) -> bool:
        return self.config.config.get("protection") is True

    def volumes(self) -> frozenset[str]:
        """Every volume that it names, now or after a cold start."""
        if not self._volumes:
            values = [*self.config.config.values(), *self.config.pending.values()]
            self._volumes.append(frozenset([value.volume for value in values if isinstance(value, Drive)]))
        return self._volumes[0]

    def unused(self) -> dict[str, str]:
        """Volumes that Proxmox keeps for it in ``unusedN``, by that key: what was detached and not destroyed."""
        items = [(key, value) for key, value in self.config.config.items() if key.startswith("unused")]
        return {key: _read_volume(value) for key, value in items}


def _read_volume(value: Value) -> str:
    return value.volume if isinstance(value, Drive) else str(value).partition(",")[0]


@dataclass(frozen=True, slots=True)
class Actual:
    """All that a plan is decided from. ``machines`` by VMID: those that the site asks for or that carry its tag.
    ``content`` by (node, storage)."""

    version: Version
    permissions: Mapping[str, frozenset[str]]
    resources: Resources
    machines: Mapping[int, ActualMachine]
    content: Mapping[tuple[str, str], tuple[Volume, ...]] = field(default_factory=dict)

    @property
    def online(self) -> frozenset[str]:
        """Names of the nodes that are there."""
        return self.resources.online

    @property
    def unread(self) -> frozenset[int]:
        """VMIDs of machines that could not be asked, whoever's they are: their nodes are off."""
        online = self.online
        return frozenset(machine.vmid for machine in self.resources.machines if machine.node not in online)

    def is_shared(self, storage: str) -> bool:
        """Whether every node sees the same files there."""
        return any(listed.name == storage and listed.is_shared for listed in self.resources.storages)
