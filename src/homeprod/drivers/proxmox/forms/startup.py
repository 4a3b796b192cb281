"""``startup``: ``order=1,up=30,down=60``."""

from __future__ import annotations

import re

from homeprod.drivers.proxmox.forms.form import FormError
from homeprod.plan.config import Startup

_PART = re.compile(r"(?:(order|up|down)=)?(\d+)", re.ASCII)


def parse_startup(text: str) -> Startup:
    """A bare number is the order, and a later part wins over an earlier one, as in pve_parse_startup_order.
    Raises FormError."""
    values: dict[str, int] = {}
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        if found is None:
            raise FormError(f"unable to parse startup options: {text!r}")
        values[found[1] or "order"] = int(found[2])
    return Startup(**values)


def print_startup(startup: Startup) -> str:
    named = (("order", startup.order), ("up", startup.up), ("down", startup.down))
    return ",".join(f"{name}={value}" for name, value in named if value is not None)
