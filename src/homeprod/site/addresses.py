"""AddressPlan: the one place where host numbers become IP addresses and VMIDs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from pydantic import Field, model_validator

from homeprod.site.declared import Declared

DATA_VM_PREFIX = 9
MAX_VMID = 999_999_999  # pve-common, JSONSchema `pve-vmid`: 100 to 999999999


@lru_cache(maxsize=32768)
def _pick(subnet: IPv4Network, number: int) -> IPv4Address:
    """Gateway and resolvers are asked for with every machine, and each machine's own several times a plan."""
    return subnet[number]


class Network(Declared):
    """A subnet on a bridge. Host number N is the N-th address of the subnet, in both families."""

    bridge: str
    subnet: IPv4Network
    gateway: int
    resolvers: tuple[int, ...] = ()
    domain: str = ""
    dhcp: tuple[int, int] | None = None
    subnet6: IPv6Network | None = None
    vlan: int | None = Field(default=None, ge=1, le=4094)

    def address(self, number: int) -> IPv4Address:
        return _pick(self.subnet, number)

    def address6(self, number: int) -> IPv6Address | None:
        return self.subnet6[number] if self.subnet6 is not None else None


class AddressPlan(Declared):
    """``prefix`` in front of the host number in three digits is the VMID (4001, 21 → 4001021); a data VM puts a 9
    in front of that. ``reserved`` are numbers, ``taken`` VMIDs of machines that homeprod does not manage."""

    network: Network
    prefix: int = Field(ge=1, le=99_999)
    reserved: Mapping[int, str] = Field(default_factory=dict)
    taken: Mapping[int, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_numbers(self) -> AddressPlan:
        for number in self.reserved:
            if not 0 < number < self.network.subnet.num_addresses - 1:
                raise ValueError(f"reserved number {number} is outside {self.network.subnet}")
        return self

    def vmid(self, number: int) -> int:
        return self.prefix * 1000 + number

    def data_vmid(self, vmid: int) -> int:
        return int(f"{DATA_VM_PREFIX}{vmid}")
