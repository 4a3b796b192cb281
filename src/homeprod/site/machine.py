"""Machines: virtual machines, the data VMs that own disks for them, and those disks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from homeprod.core.sizes import MiB
from homeprod.site.addresses import AddressPlan
from homeprod.site.controlnode import ControlNode
from homeprod.site.declared import Declared
from homeprod.site.people import Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.promotion import Promotion
from homeprod.site.strictness import Size
from homeprod.site.upkeep import Upkeep, require_time_zone

TAG = re.compile(r"[a-z0-9_][a-z0-9_.+-]*")  # pve-common JSONSchema `pve-tag`, lower case as 9.x stores it
SERIAL = re.compile(r"[a-z][a-z0-9_]{0,15}")  # 16: an ext4 label, and within the 20 of a SCSI serial

Keeper = Literal["ansible", "harbormaster"]
_TAKEN = {"admin": "the group of administrators (homeprod-admin)", "deploy": "the agent with the keys for git"}
"""An environment's runs have a Unix user, an agent and sockets of its name."""
ColdStarts = Literal["never", "ask", "allowed"]
_HOURLY = Upkeep()
StartPhase = Literal["network", "infrastructure", "desktop", "internal", "external", "never"]


class Environment(Declared):
    """A named set of machines: its ``branch`` in the playbook repository (its own name unless said otherwise), the
    machine that is its ``control_node``, by name, and the environment ``after`` which a revision comes here.
    ``upkeep`` is how its machines are kept: looked at hourly by default, and None where nobody looks. ``promotion``
    is the gate before it, None where a signed head is enough."""

    forms: ClassVar[Mapping[str, str]] = {
        "name": "no environment's name: a lower-case letter, then lower-case letters, digits and -, 21 at most",
    }
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,20}$")
    branch: str = ""
    control_node: str = ""
    after: Environment | None = None
    upkeep: Upkeep | None = _HOURLY
    promotion: Promotion | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if name in _TAKEN:
            raise ValueError(f"an environment cannot be called {name}: on its control node that is {_TAKEN[name]}")
        return name


class Disk(Declared):
    """A disk of ``size`` bytes (whole MiB) on a datastore. ``backup`` says whether vzdump includes it."""

    size: Size = Field(ge=MiB, multiple_of=MiB)
    on: Datastore
    backup: bool = True

    def __init__(self, size: int, *, on: Datastore, backup: bool = True) -> None:
        super().__init__(size=size, on=on, backup=backup)


class DataDisk(Declared):
    """A disk that a data VM owns. ``label`` names its file system and is the drive's serial in the guest. ``volume``
    (``local-lvm:vm-911000-disk-0``) is set where the disk was there before the site: it is known by that, and its
    serial is left as it is."""

    forms: ClassVar[Mapping[str, str]] = {
        "volume": "no volume of Proxmox, such as local-lvm:vm-911000-disk-0",
    }
    label: str
    size: Size = Field(ge=MiB, multiple_of=MiB)
    on: Datastore
    backup: bool = True
    volume: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9._-]*:[^\s,]+)?$")

    @field_validator("label")
    @classmethod
    def _check_label(cls, label: str) -> str:
        if not SERIAL.fullmatch(label):
            raise ValueError(f"{label!r} is no label: a letter, then letters, digits and _, 16 at most")
        return label


class Mount(Declared):
    """A data disk in use by a machine: mounted at ``at``."""

    forms: ClassVar[Mapping[str, str]] = {
        "at": "no place to mount a disk at, such as /srv/files: letters, digits and . _ - below /",
    }
    disk: DataDisk
    at: str = Field(pattern=r"^/[A-Za-z0-9._/-]+$")


class Machine(Declared):
    """What virtual machines and data VMs share. ``vmid`` is given by the AddressPlan unless set by hand."""

    number: int | None = Field(default=None, gt=0)
    environment: Environment
    vmid: int | None = Field(default=None, ge=100, le=999_999_999)
    node: str | None = None
    tags: frozenset[str] = frozenset()
    note: str = Field(default="", max_length=4000)
    protected: bool = False

    @field_validator("note")
    @classmethod
    def _check_note(cls, note: str) -> str:
        """The mark stands below it in Proxmox; a machine whose note cannot be read again is nobody's."""
        for line in note.splitlines():
            if line.startswith(("homeprod-", "Kept by homeprod:")):
                raise ValueError(f"the line {line[:40]!r} looks like those by which homeprod knows its machines")
        return note

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, tags: frozenset[str]) -> frozenset[str]:
        for tag in sorted(tags):
            if not TAG.fullmatch(tag):
                raise ValueError(f"Proxmox refuses or rewrites the tag {tag!r}: lower-case letters, digits, _ . + -")
            if tag.startswith("homeprod"):
                raise ValueError(f"the tag {tag!r} is homeprod's own")
        return tags


def require_counterpart(value: object) -> object:
    """In words of its own: pydantic would report each kind apart. Raises ValueError."""
    if value is None or isinstance(value, Machine) or (isinstance(value, str) and value):
        return value
    raise ValueError("must be a machine, or the name of one")


class VirtualMachine(Machine):
    """A machine that runs. ``memory`` in bytes (whole MiB); ``addresses`` are further host numbers of its card.
    ``counterpart`` is the machine, or its name, on which a revision is tried for this one."""

    number: int = Field(gt=0)
    image: Image
    boot: Disk
    people: tuple[Person, ...] = ()
    cores: int = Field(default=2, ge=1, le=128)
    memory: Size = Field(default=512 * MiB, ge=16 * MiB, multiple_of=MiB)
    mounts: tuple[Mount, ...] = ()
    addresses: tuple[int, ...] = ()
    dhcp: bool = False
    packages: tuple[str, ...] = ()
    start: StartPhase | None = None
    started: bool = True
    kept_by: frozenset[Keeper] = frozenset({"ansible"})
    control: ControlNode | None = None
    counterpart: Machine | str | None = None

    @field_validator("counterpart", mode="before")
    @classmethod
    def _check_counterpart(cls, value: object) -> object:
        return require_counterpart(value)


class DataVirtualMachine(Machine):
    """A machine that is never booted: it only owns disks that are attached to another one. It has a ``number``, or a
    ``vmid`` of its own."""

    disks: tuple[DataDisk, ...] = Field(min_length=1)
    protected: bool = True


class SiteConfig(Declared):
    """The site's own values; ``_config.py`` holds one as ``site``. ``id`` is the UUID that ``init`` wrote.
    ``shutdown_limit`` is how many seconds a guest gets to power off; ``lease_limit`` the seconds of silence after
    which whoever acts on the site counts as gone, None for applies that nobody keeps apart. ``cold_starts`` says
    whether an apply shuts down and starts again a machine whose new values wait for that: never, only when a person
    said so, or as a matter of course. ``most_removals`` is how many machines one apply deletes or replaces without
    asking for their number. ``time_zone`` (IANA's name) is the one in which the site's hours are meant."""

    forms: ClassVar[Mapping[str, str]] = {
        "id": "no UUID in lower case, as uuidgen writes it",
        "name": "no site's name: a lower-case letter, then lower-case letters, digits and -",
    }
    id: str = Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    cluster: Cluster
    addresses: AddressPlan
    iso: Datastore
    shutdown_limit: int = Field(default=180, ge=1, le=3600)
    lease_limit: float | None = Field(default=60, ge=1, le=3600)
    cold_starts: ColdStarts = "ask"
    most_removals: int = Field(default=3, ge=0)
    time_zone: str = ""

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        return require_time_zone(name)
