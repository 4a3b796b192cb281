"""Storage of the network that two hosts' apps would both write to.

What is declared in a compose file counts: a volume with ``driver_opts`` for NFS or CIFS. A folder such as /mnt/nas
may be anything, and is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.apps.allowance import Need
from homeprod.apps.document import Table
from homeprod.apps.sheet import Place
from homeprod.apps.stack import Stack


@dataclass(frozen=True, slots=True)
class Storage:
    """``name`` is the server with the path there."""

    host: str
    app: str
    name: str
    place: Place


def list_storage(host: str, stack: Stack) -> Iterator[Storage]:
    for _, _, volume in stack.list_tables("volumes"):
        options = volume.get("driver_opts")
        if not isinstance(options, Table):
            continue
        kind, device = stack.read(options.get("type")) or "", stack.read(options.get("device"))
        given = dict(one.partition("=")[::2] for one in (stack.read(options.get("o")) or "").split(","))
        if kind in ("nfs", "nfs4", "cifs", "smb3") and device and "ro" not in given:
            name = f"{given.get('addr', '')}{device}" if device.startswith(":") else device
            yield Storage(host, stack.app.name, name.rstrip("/").lower(), options.find("device"))


def find_shared(found: list[Storage]) -> dict[str, list[Need]]:
    """What each host's apps would need, for storage that apps of other hosts write to as well."""
    needs: dict[str, list[Need]] = {}
    for one in found:
        others = sorted({f"{o.app} of {o.host}" for o in found if o.name == one.name and o.host != one.host})
        if others:
            message = f"{one.app}: {one.name} is written to by {', '.join(others)} as well"
            need = Need(one.app, f"shared storage {one.name}", one.place, message)
            needs.setdefault(one.host, []).append(need)
    return needs
