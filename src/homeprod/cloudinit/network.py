"""Network configuration, version 2 (cloud-init's own form, which is netplan's).

Debian's images hand it to netplan where that is installed and to systemd-networkd elsewhere; what is written here
means the same to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeprod.cloudinit.document import write_document


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
    entry.update(_render_static(card) if card.addresses else _DHCP)
    return write_document({"version": 2, "ethernets": {"eth0": entry}}, width=120)


_DHCP: dict[str, Any] = {
    "dhcp4": True,
    # Known by its MAC and not by its machine-id, so that a re-created machine gets its address again.
    "dhcp-identifier": "mac",
}


def _render_static(card: Card) -> dict[str, Any]:
    entry: dict[str, Any] = {"addresses": list(card.addresses)}
    if any(":" in address for address in card.addresses):
        # The plan says which addresses a machine has; a router's announcements would add others.
        entry["accept-ra"] = False
    if card.gateways:
        # Not `to: default`: only netplan knows that; cloud-init's own renderers stop at it with an error.
        entry["routes"] = [{"to": "::/0" if ":" in via else "0.0.0.0/0", "via": via} for via in card.gateways]
    nameservers = {"addresses": list(card.resolvers), "search": [card.domain] if card.domain else []}
    if filled := {name: values for name, values in nameservers.items() if values}:
        entry["nameservers"] = filled
    return entry
