"""``agent``: ``1``, ``1,fstrim_cloned_disks=1``."""

from __future__ import annotations

from homeprod.drivers.proxmox.forms.form import NEWEST, Release
from homeprod.drivers.proxmox.forms.propertystring import (
    Property,
    Schema,
    one_of,
    parse_properties,
    print_properties,
)
from homeprod.plan.config import Agent

_FLAG = Property(is_boolean=True)
_SHARED = {"enabled": _FLAG, "fstrim_cloned_disks": _FLAG, "type": Property(one_of("virtio", "isa"))}
_SCHEMA_8 = Schema({**_SHARED, "freeze-fs-on-backup": _FLAG}, "enabled", ("enabled",))
# Release 9 renamed the key and reads the old names as the new one.
_RENAMED = {name: Property(is_boolean=True, alias="freeze-fs") for name in ("freeze-fs-on-backup", "guest-fsfreeze")}
_SCHEMA_9 = Schema({**_SHARED, "freeze-fs": _FLAG, **_RENAMED}, "enabled", ("enabled",))


def parse_agent(text: str, release: Release = NEWEST, *, strict: bool = True) -> Agent:
    """Raises FormError."""
    values = parse_properties(text, _SCHEMA_9 if release >= (9, 0) else _SCHEMA_8, release, strict=strict)
    return Agent(values.pop("enabled", "0") == "1", tuple(sorted(values.items())))


def print_agent(agent: Agent) -> str:
    return print_properties(dict(agent.options), "1" if agent.enabled else "0")
