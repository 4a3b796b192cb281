"""Network configuration, version 2 (cloud-init's own form, which is netplan's)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Card:
    """A network card, known by its MAC. ``addresses`` with prefix; none means DHCP."""

    mac: str
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    domain: str = ""


def render_network_config(card: Card) -> str:
    """The ``network-config`` file."""
    entry: dict[str, Any] = {"match": {"macaddress": card.mac.lower()}, "set-name": "eth0"}
    if card.addresses:
        entry["addresses"] = list(card.addresses)
        entry["routes"] = [{"to": "default", "via": gateway} for gateway in card.gateways]
        entry["nameservers"] = {"addresses": list(card.resolvers)}
        if card.domain:
            entry["nameservers"]["search"] = [card.domain]
    else:
        entry["dhcp4"] = True
    return yaml.safe_dump({"version": 2, "ethernets": {"eth0": entry}}, sort_keys=False, width=120)
