"""Network cards: ``virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5``."""

from __future__ import annotations

import re

from homeprod.drivers.proxmox.forms.form import NEWEST, FormError, Release
from homeprod.drivers.proxmox.forms.propertystring import (
    Property,
    Schema,
    Values,
    parse_properties,
    print_properties,
    whole_number,
)
from homeprod.plan.config import Nic

MODELS = (
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
)
# A unicast address: the lowest bit of the first byte is 0.
_MAC = re.compile(r"[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}")
_BRIDGE = re.compile(r"[-_.\w\d]+", re.ASCII)
_RATE = re.compile(r"\d+(\.\d+)?", re.ASCII)
_TRUNKS = re.compile(r"\d+(-\d+)?(;\d+(-\d+)?)*", re.ASCII)

_PROPERTIES = {
    "model": Property(frozenset(MODELS).__contains__),
    "macaddr": Property(lambda text: _MAC.fullmatch(text) is not None),
    "bridge": Property(lambda text: _BRIDGE.fullmatch(text) is not None),
    "queues": Property(whole_number(0, 64)),
    "rate": Property(lambda text: _RATE.fullmatch(text) is not None),
    "tag": Property(whole_number(1, 4094)),
    "trunks": Property(lambda text: _TRUNKS.fullmatch(text) is not None),
    "firewall": Property(is_boolean=True),
    "link_down": Property(is_boolean=True),
    "mtu": Property(whole_number(1, 65520)),
    **{model: Property(alias="macaddr", naming="model") for model in MODELS},
}
_SCHEMA_8 = Schema(_PROPERTIES, default="model", required=("model",))
_SCHEMA_9 = Schema({**_PROPERTIES, "host-tunnel": Property(is_boolean=True)}, default="model", required=("model",))


def parse_net(text: str, release: Release = NEWEST, *, strict: bool = True) -> Nic:
    """The address keeps the case it was written in, as Proxmox keeps it. Raises FormError."""
    values: Values = parse_properties(text, _SCHEMA_9 if release >= (9, 0) else _SCHEMA_8, release, strict=strict)
    model, mac, bridge = values.pop("model", ""), values.pop("macaddr", None), values.pop("bridge", None)
    if model not in MODELS:
        raise FormError(f"no network card: {text!r}")
    return Nic(model, mac, bridge, tuple(sorted(values.items())))


def print_net(nic: Nic) -> str:
    bridge = {"bridge": nic.bridge} if nic.bridge is not None else {}
    head = f"{nic.model}={nic.mac}" if nic.mac else nic.model
    return print_properties({**dict(nic.options), **bridge}, head)
