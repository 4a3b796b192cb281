"""Look: everything that the page shows, gathered once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeprod.control.inventory import Place
from homeprod.control.promotion.standing import Standing
from homeprod.core.overview.host import HostLine, NodeLine, read_node
from homeprod.core.overview.matter import Matter
from homeprod.core.overview.matters import OLD_SECONDS, list_matters
from homeprod.core.overview.snapshot import KeptSnapshot, SeenCertificate, SeenMachine
from homeprod.web import tally
from homeprod.web.describe import describe_hosts
from homeprod.web.node import Node

_NARROW = "-narrow.svg"


@dataclass(frozen=True, slots=True)
class MachineLine:
    """A machine of the site: ``seen`` in Proxmox, ``host`` as the node has it. Either may be missing.
    ``control_node`` configures it; empty where none does, or that is not known."""

    name: str
    environment: str
    control_node: str
    kept_by: tuple[str, ...]
    seen: SeenMachine | None
    host: HostLine | None
    certificates: tuple[SeenCertificate, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """``now`` is seconds since 1970, by the node's clock. ``pictures`` are by the name of their file, ``narrow``
    those that a phone is shown in their place. ``gates`` are of environments that have one."""

    site: str
    node: NodeLine
    kept: KeptSnapshot | None
    machines: tuple[MachineLine, ...]
    matters: tuple[Matter, ...]
    pictures: tuple[str, ...]
    narrow: tuple[str, ...]
    person: str
    now: float
    gates: tuple[Standing, ...] = ()

    @property
    def age(self) -> float | None:
        """Seconds since somebody said what is in Proxmox."""
        return self.now - self.kept.received if self.kept is not None else None

    @property
    def is_old(self) -> bool:
        return self.age is not None and self.age > OLD_SECONDS


async def gather(node: Node, person: str, now: float) -> Look:
    """Raises StorageError where the ledger cannot be read."""
    status = {**await tally.describe(node), "problems": tally.describe_troubles(node)}
    pictures = node.pictures()
    line, kept = read_node(status, await describe_hosts(node)), node.snapshots.last
    return Look(
        site=node.settings().site_name,
        node=line,
        kept=kept,
        machines=tuple(list_machines(line.hosts, kept, node.inventory())),
        matters=(*list_matters([line], kept.snapshot if kept else None, now), *_judge_age(kept, now)),
        pictures=tuple(name for name in pictures if not name.endswith(_NARROW)),
        narrow=tuple(name for name in pictures if name.endswith(_NARROW)),
        person=person,
        now=now,
        gates=tuple(node.promotions()),
    )


def _judge_age(kept: KeptSnapshot | None, now: float) -> Iterable[Matter]:
    if kept is None:
        yield Matter("nobody has said yet what is in Proxmox", "homeprod status")
    elif now - kept.received > OLD_SECONDS:
        yield Matter("what is shown of Proxmox is old", "homeprod status")


def list_machines(
    hosts: Iterable[HostLine], kept: KeptSnapshot | None, inventory: Mapping[str, Place]
) -> Iterable[MachineLine]:
    """As they were seen in Proxmox, in that order, then those that were not."""
    by_name = {host.name: host for host in hosts}
    snapshot = kept.snapshot if kept is not None else None
    seen = {machine.name: machine for machine in snapshot.machines} if snapshot is not None else {}
    certificates: dict[str, list[SeenCertificate]] = {}
    for one in snapshot.certificates if snapshot is not None else ():
        certificates.setdefault(one.machine, []).append(one)
    for name in dict.fromkeys((*seen, *sorted({*by_name, *inventory}))):
        machine, host, place = seen.get(name), by_name.get(name), inventory.get(name)
        environment = place.environment if place is not None else host.environment if host is not None else ""
        kept_by = place.kept_by if place is not None else machine.kept_by if machine is not None else ()
        by = place.control_node if place is not None else ""
        yield MachineLine(name, environment, by, kept_by, machine, host, tuple(certificates.get(name, ())))
