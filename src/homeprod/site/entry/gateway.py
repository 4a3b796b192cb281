"""Gateway: the router in front of the passthrough, where it is a Linux one."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import PlainValidator

from homeprod.site.declared import Declared
from homeprod.site.entry.fields import MachineName

_CARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
"""Fewer than the kernel takes (dev_valid_name, 15 bytes at most): what a rule could read as something else is out."""


def _read_card(text: object) -> str:
    if not isinstance(text, str) or not _CARD.fullmatch(text):
        raise ValueError(f"{text!r} is no network card's name, such as eth0 or ppp0")
    return text


class Gateway(Declared):
    """Its rules in nftables are rendered. ``wan`` is the card that the internet is at; ``address`` the IPv4 address
    there, where it has several and one is the way in: by default each is. With ``masquerade`` the LAN goes out under
    the gateway's address; without, whatever does so already goes on. ``machine`` is the site's machine that is
    the gateway, where a control node configures it: one that was adopted, with the network's own gateway number."""

    wan: Annotated[str, PlainValidator(_read_card)]
    address: IPv4Address | None = None
    masquerade: bool = False
    machine: MachineName | None = None
