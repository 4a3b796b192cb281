"""Storage that two apps would both write to.

Two hosts: what is declared in a compose file counts, a volume with ``driver_opts`` for NFS or CIFS. A folder such as
/mnt/nas may be anything, and is not judged. One host: docker's volumes, by the names that they have there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.apps.allowance import Need
from homeprod.apps.document import Listing, Table
from homeprod.apps.sheet import Place
from homeprod.apps.stack import Stack


@dataclass(frozen=True, slots=True)
class Storage:
    """``word`` allows it; ``name`` is what it is called, at its server or on its host."""

    host: str
    app: str
    word: str
    name: str
    place: Place


def list_storage(host: str, stack: Stack) -> Iterator[Storage]:
    """Of the network."""
    for _, _, volume in stack.list_tables("volumes"):
        options = volume.get("driver_opts")
        if not isinstance(options, Table):
            continue
        kind, device = stack.read(options.get("type")) or "", stack.read(options.get("device"))
        given = dict(one.partition("=")[::2] for one in (stack.read(options.get("o")) or "").split(","))
        if kind in ("nfs", "nfs4", "cifs", "smb3") and device and "ro" not in given:
            server = f"{given.get('addr', '')}{device}" if device.startswith(":") else device
            name = server.rstrip("/").lower()
            yield Storage(host, stack.app.name, f"shared storage {name}", name, options.find("device"))


def list_volumes(host: str, stack: Stack) -> Iterator[Storage]:
    """Docker's own, by their names there. Rules from outside: Compose Specification, "volumes" (a project's name and
    an underscore go before a name that is not given); Harbormaster 0.5.0 names those that it manages."""
    prefix = f"hm_{stack.app.name}_" if stack.app.manages_volumes else f"{stack.project}_"
    for part in stack.parts:
        volumes = part.document.get("volumes")
        if not isinstance(volumes, Table):
            continue
        for key, volume in volumes:
            given = stack.read(volume.get("name")) if isinstance(volume, Table) else None
            is_external = isinstance(volume, Table) and volume.get("external") is not None
            name = given or (key if is_external else f"{prefix}{key}")
            yield Storage(host, stack.app.name, f"shared volume {name}", name, volumes.find(key))


def find_borrowed(stack: Stack) -> Iterator[Need]:
    """Volumes of another container, whatever it is."""
    for name, service in stack.services:
        given = service.get("volumes_from")
        for item in given.items if isinstance(given, Listing) else ():
            text = stack.read(item) or "unknown"
            if text.startswith("container:") or text == "unknown":
                message = f"service {name}: the volumes of {text} belong to another app"
                yield Need(stack.app.name, f"shared volume {text}", item.place, message)


def find_shared(found: list[Storage], *, between_hosts: bool) -> dict[str, list[Need]]:
    """By host, what its apps would need: for what apps of other hosts write to as well, or others of the same one."""
    needs: dict[str, list[Need]] = {}
    for one in found:
        others = sorted(
            {
                f"{other.app} of {other.host}" if between_hosts else other.app
                for other in found
                if other.name == one.name and _are_apart(one, other, between_hosts=between_hosts)
            }
        )
        if others:
            message = f"{one.app}: {one.name} is written to by {', '.join(others)} as well"
            needs.setdefault(one.host, []).append(Need(one.app, one.word, one.place, message))
    return needs


def _are_apart(one: Storage, other: Storage, *, between_hosts: bool) -> bool:
    return one.host != other.host if between_hosts else (one.host == other.host and one.app != other.app)
