"""Site: everything one home declares, as loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.core.address import Address
from homeprod.site.addresses import MAX_VMID
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.declared import Declared
from homeprod.site.entry.entry import Entry
from homeprod.site.machine import DataDisk, DataVirtualMachine, Environment, Machine, SiteConfig, VirtualMachine


@dataclass(frozen=True, slots=True)
class DeclaredMachine:
    """One machine under its name. ``file`` is its module."""

    name: str
    machine: Machine
    file: Path

    @property
    def address(self) -> Address:
        return Address("data-vm" if isinstance(self.machine, DataVirtualMachine) else "vm", self.name)


@dataclass(frozen=True, slots=True)
class Site:
    """``config`` and the machines by name, in the order of their names."""

    root: Path
    config: SiteConfig
    machines: Mapping[str, DeclaredMachine]
    control_keys: Mapping[str, str] = field(default_factory=dict)
    """The public keys in ``keys/``, by the file's name without ``.pub`` (``lab-ansible-lab``)."""
    bundle: str = ""
    """Names what a control node is installed from: homeprod as it is here; empty where the site has none."""
    entry: Entry | None = None
    """The way in from outside; None where the site declares none."""
    unread: tuple[Declared, ...] = ()
    """Parts of a way in that were declared, and that the entry does not hold."""
    empty: tuple[Environment, ...] = ()
    """Environments that were declared, and that no machine is of."""
    _owners: dict[int, tuple[DataDisk, DeclaredMachine]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By the identity of a data disk."""

    def vmid(self, machine: Machine) -> int:
        """The VMID by hand, else by the AddressPlan; a data VM's has a 9 in front."""
        if machine.vmid is not None:
            return machine.vmid
        if machine.number is None:
            raise ValueError("a machine with neither number nor vmid: the site was not checked")
        vmid = self.config.addresses.vmid(machine.number)
        return self.config.addresses.data_vmid(vmid) if isinstance(machine, DataVirtualMachine) else vmid

    def find_file(self, text: str) -> Path | None:
        """A file that the site names: relative to its folder, or to a home with ``~``; None where it names none."""
        return self.root / Path(text).expanduser() if text else None

    def owner(self, disk: DataDisk) -> DeclaredMachine | None:
        """The data VM that owns the disk: that very object, since two data VMs may have disks that look the same."""
        owned, owner = self._owners.get(id(disk), (None, None))
        if owned is not disk:  # an identity may come again, and is another one in a copy of the site
            self._owners.update(self._index_disks())  # at once, since other threads may look
            owned, owner = self._owners.get(id(disk), (None, None))
        return owner if owned is disk else None

    def _index_disks(self) -> dict[int, tuple[DataDisk, DeclaredMachine]]:
        owners: dict[int, tuple[DataDisk, DeclaredMachine]] = {}
        for declared in self.machines.values():
            for disk in declared.machine.disks if isinstance(declared.machine, DataVirtualMachine) else ():
                owners.setdefault(id(disk), (disk, declared))
        return owners

    def addresses(self) -> list[dict[str, object]]:
        """A row a machine: name, kind, number, address (None for a data VM or DHCP), vmid; by number, then kind.
        Adopted ones without a number come last."""
        rows = [self._row(declared) for declared in self.machines.values()]
        return sorted(rows, key=lambda row: (row["number"] or MAX_VMID, row["kind"] == "data-vm"))

    def _row(self, declared: DeclaredMachine) -> dict[str, object]:
        machine, network = declared.machine, self.config.addresses.network
        fixed = find_fixed(machine)
        address6 = network.address6(fixed) if fixed is not None else None
        return {
            "name": declared.name,
            "kind": declared.address.kind,
            "number": machine.number,
            "address": str(network.address(fixed)) if fixed is not None else None,
            "address6": str(address6) if address6 is not None else None,
            "vmid": self.vmid(machine),
        }


def find_fixed(machine: Machine) -> int | None:
    """The host number whose address it has and keeps; None where only its name leads to it."""
    is_fixed = isinstance(machine, AdoptedVirtualMachine) or (
        isinstance(machine, VirtualMachine) and not machine.dhcp
    )
    return machine.number if is_fixed else None
