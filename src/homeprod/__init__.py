"""Homeprod runs a small production site on Proxmox VE, whole.

This module is the public door for site modules: ``from homeprod import VirtualMachine, GiB``. Names are loaded
on first use (PEP 562), so that ``homeprod --help`` does not pay for what it does not need.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for true; importing typing would cost every run 6 ms
if TYPE_CHECKING:
    from homeprod.core.sizes import GiB, KiB, MiB, TiB
    from homeprod.site.addresses import AddressPlan, Network
    from homeprod.site.adopted import AdoptedDataVirtualMachine, AdoptedVirtualMachine
    from homeprod.site.controlnode import ControlNode
    from homeprod.site.entry.certificate import Certificate
    from homeprod.site.entry.entry import Entry, Expectation, Proxy, Route
    from homeprod.site.entry.gateway import Gateway
    from homeprod.site.entry.service import Service
    from homeprod.site.machine import (
        DataDisk,
        DataVirtualMachine,
        Disk,
        Environment,
        Mount,
        SiteConfig,
        VirtualMachine,
    )
    from homeprod.site.people import ControlUser, Person
    from homeprod.site.place import Cluster, Datastore, Image
    from homeprod.site.promotion import Promotion
    from homeprod.site.upkeep import Upkeep

_ROOMS = {
    "homeprod.core.sizes": ("GiB", "KiB", "MiB", "TiB"),
    "homeprod.site.addresses": ("AddressPlan", "Network"),
    "homeprod.site.adopted": ("AdoptedDataVirtualMachine", "AdoptedVirtualMachine"),
    "homeprod.site.controlnode": ("ControlNode",),
    "homeprod.site.entry.certificate": ("Certificate",),
    "homeprod.site.entry.entry": ("Entry", "Expectation", "Proxy", "Route"),
    "homeprod.site.entry.gateway": ("Gateway",),
    "homeprod.site.entry.service": ("Service",),
    "homeprod.site.machine": (
        "DataDisk",
        "DataVirtualMachine",
        "Disk",
        "Environment",
        "Mount",
        "SiteConfig",
        "VirtualMachine",
    ),
    "homeprod.site.people": ("ControlUser", "Person"),
    "homeprod.site.place": ("Cluster", "Datastore", "Image"),
    "homeprod.site.promotion": ("Promotion",),
    "homeprod.site.upkeep": ("Upkeep",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "AddressPlan",
    "AdoptedDataVirtualMachine",
    "AdoptedVirtualMachine",
    "Certificate",
    "Cluster",
    "ControlNode",
    "ControlUser",
    "DataDisk",
    "DataVirtualMachine",
    "Datastore",
    "Disk",
    "Entry",
    "Environment",
    "Expectation",
    "Gateway",
    "GiB",
    "Image",
    "KiB",
    "MiB",
    "Mount",
    "Network",
    "Person",
    "Promotion",
    "Proxy",
    "Route",
    "Service",
    "SiteConfig",
    "TiB",
    "Upkeep",
    "VirtualMachine",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'homeprod' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
