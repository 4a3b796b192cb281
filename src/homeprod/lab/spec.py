"""LabSpec: what a lab is to look like; a JSON file that `lab up` writes and the lab's process reads.

It is plain data on purpose: the lab knows nothing of sites. Whoever starts a lab (the command line, a test)
turns what it has into this.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STAND_IN, PINNED = "stand-in", "pinned"
"""What stands behind a lab's seeds: images that the lab builds itself, or those that the site pins."""


@dataclass(frozen=True, slots=True)
class StorageSpec:
    """A storage of every node. ``kind`` as Proxmox names it: ``dir`` holds files in any format, ``lvmthin`` holds
    raw volumes only. ``content`` is a subset of images, iso, import, vztmpl, backup, snippets, rootdir. ``size``
    in bytes. ``seconds`` is what making or freeing one volume takes, during which no other can be: Proxmox locks
    the storage for it."""

    name: str
    kind: str = "dir"
    content: tuple[str, ...] = ("images", "iso", "import")
    is_shared: bool = False
    size: int = 512 * 1024**3
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class BridgeSpec:
    """A bridge in the lab's network namespace. ``gateways`` are its own addresses with prefix
    (``10.111.1.1/24``), ``resolvers`` further addresses at which the lab answers DNS."""

    name: str = "vmbr0"
    gateways: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WanSpec:
    """The gateway's link to the outside: ``interface`` is its name there, ``gateways`` its addresses with prefix,
    ``clients`` those of the one client outside."""

    interface: str = "wan0"
    gateways: tuple[str, ...] = ("198.51.100.1/24", "2001:db8:5133::1/64")
    clients: tuple[str, ...] = ("198.51.100.7/24", "2001:db8:5133::7/64")


@dataclass(frozen=True, slots=True)
class SeedSpec:
    """An image that the lab offers under ``volume`` (``local-hdd:import/x.qcow2``). ``stand_in`` names the recipe
    (``debian-13``) that stands in for it; ``url``, ``checksum`` and ``algorithm`` are the image that the volume's
    name promises. Which of the two it is says ``LabSpec.images``; without a ``url`` only the stand-in can be had."""

    volume: str
    stand_in: str
    url: str = ""
    checksum: str = ""
    algorithm: str = "sha256"


@dataclass(frozen=True, slots=True)
class LabSpec:
    """One lab. ``hosts`` are names and the addresses of each that its DNS knows; ``domain`` the search domain,
    ``people`` the users of each machine by its name.
    ``task_seconds`` slows tasks of a kind (``qmcreate``) down, for benchmarks and tests of waiting; ``workers`` is
    how many tasks a node works on at once, as its cores and disks would bound them (0: all of them);
    ``memory`` is what each node shows as its memory, in bytes. ``port`` 0 lets the kernel choose. ``images`` is
    ``stand-in`` or ``pinned``: what stands behind the seeds."""

    name: str
    boot: bool = True
    version: str = "9.2.3"
    port: int = 0
    nodes: tuple[str, ...] = ("pve",)
    storages: tuple[StorageSpec, ...] = (
        StorageSpec("local"),
        StorageSpec("local-lvm", "lvmthin", ("images",)),
    )
    bridges: tuple[BridgeSpec, ...] = (BridgeSpec(),)
    seeds: tuple[SeedSpec, ...] = ()
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domain: str = ""
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    task_seconds: Mapping[str, float] = field(default_factory=dict)
    workers: int = 0
    memory: int = 64 * 1024**3
    images: str = STAND_IN
    wan: WanSpec = WanSpec()

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, file: Path) -> LabSpec:
        return cls.from_json(json.loads(file.read_text()))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabSpec:
        """The reverse of ``write``; raises TypeError or KeyError for a file of another shape."""
        known = dict(data)
        known["nodes"] = tuple(known["nodes"])
        known["storages"] = tuple(StorageSpec(**{**s, "content": tuple(s["content"])}) for s in known["storages"])
        known["bridges"] = tuple(
            BridgeSpec(b["name"], tuple(b["gateways"]), tuple(b["resolvers"])) for b in known["bridges"]
        )
        known["seeds"] = tuple(SeedSpec(**s) for s in known["seeds"])
        known["hosts"] = {name: tuple(addresses) for name, addresses in known["hosts"].items()}
        known["people"] = {name: tuple(users) for name, users in known.get("people", {}).items()}
        if "wan" in known:
            wan = known["wan"]
            known["wan"] = WanSpec(wan["interface"], tuple(wan["gateways"]), tuple(wan["clients"]))
        return cls(**known)
