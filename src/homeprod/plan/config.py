"""A machine's configuration as typed values, keyed by Proxmox's own names (``cores``, ``net0``, ``scsi1``).

Desired and actual are both made of these, so that ``diff`` compares values and never text. How Proxmox writes
them is the driver's business (``drivers/proxmox``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Options = tuple[tuple[str, str], ...]
"""Further ``key=value`` pairs of a property string, sorted by key, values as Proxmox prints them."""


@dataclass(frozen=True, slots=True)
class Nic:
    """``net0``. ``mac`` in upper case; None where Proxmox may choose it (never for a machine of ours)."""

    model: str
    mac: str | None
    bridge: str | None
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive that exists: ``volume`` is ``STORAGE:NAME`` (or ``none``), ``size`` in bytes or None if not said.

    ``media=cdrom`` stands in ``options``. ``size`` is what Proxmox last noted, which can be stale for a volume
    that another machine owns (facts: a foreign disk grown by its consumer).
    """

    volume: str
    size: int | None = None
    options: Options = ()

    @property
    def storage(self) -> str:
        return self.volume.partition(":")[0]

    @property
    def is_cdrom(self) -> bool:
        return ("media", "cdrom") in self.options


@dataclass(frozen=True, slots=True)
class NewDrive:
    """A drive to allocate on ``storage``: empty with ``size`` bytes (whole MiB; the driver rounds up), or with the
    content of ``import_from`` (a volume id), whose size it then has until it is grown. ``volume`` is the one that it
    must be, where it was there before the site."""

    storage: str
    size: int
    import_from: str | None = None
    options: Options = ()
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Startup:
    """``startup``: ``order`` on the hypervisor, ``up`` and ``down`` delays in seconds."""

    order: int | None = None
    up: int | None = None
    down: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """``agent``: whether the guest agent's channel exists, and its further options."""

    enabled: bool
    options: Options = ()


@dataclass(frozen=True, slots=True)
class BootOrder:
    """``boot``: devices in order."""

    devices: tuple[str, ...]


Value = int | str | bool | frozenset[str] | Nic | Drive | NewDrive | Startup | Agent | BootOrder
"""``tags`` is a frozenset; ``onboot`` and ``protection`` are bool; ``cores``, ``sockets``, ``memory`` (MiB) and
``balloon`` are int; a key without a type of its own is the text that Proxmox printed."""

Config = Mapping[str, Value]
