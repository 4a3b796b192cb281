"""Ansible's inventory as the site renders it (``site/inventory.yml``): which hosts there are, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from homeprod.control.hosts.host import Host
from homeprod.core.errors import ControlError


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """``control_node`` configures it; ``port`` is sshd's."""

    name: str
    address: str
    environment: str
    control_node: str
    port: int = 22
    kept_by: tuple[str, ...] = ()

    @property
    def known_as(self) -> str:
        """As known_hosts has it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"


class Place(Protocol):
    """Where a host belongs."""

    @property
    def environment(self) -> str: ...
    @property
    def control_node(self) -> str: ...
    @property
    def kept_by(self) -> tuple[str, ...]:
        """``ansible``, ``harbormaster``."""


def list_untold(places: Mapping[str, Place], hosts: Iterable[Host], node: str) -> list[str]:
    """Hosts of that control node whose SSH host key nobody has told it yet: they wait for an apply."""
    pinned = {host.name for host in hosts if host.is_pinned}
    return sorted(name for name, place in places.items() if place.control_node == node and name not in pinned)


def read_inventory(file: Path) -> Mapping[str, InventoryHost]:
    """By name. Raises ControlError where it is missing or not as homeprod writes it."""
    try:
        data = yaml.safe_load(file.read_text())
        return parse_inventory(data)
    except OSError as error:
        raise _refuse(file, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refuse(
            file, f"is not as homeprod writes it: {type(error).__name__} {' '.join(str(error).split())}"
        ) from error


def parse_inventory(data: Any) -> dict[str, InventoryHost]:
    """A host may be listed in many groups, with its variables in any of them. Raises KeyError, TypeError, ValueError,
    AttributeError."""
    facts: dict[str, dict[str, Any]] = {}
    for group in data.values():
        _gather(group or {}, facts)
    return {name: _make_host(name, known) for name, known in sorted(facts.items()) if known}


def _gather(group: dict[str, Any], facts: dict[str, dict[str, Any]]) -> None:
    for name, variables in (group.get("hosts") or {}).items():
        facts.setdefault(str(name), {}).update(variables or {})
    for child in (group.get("children") or {}).values():
        _gather(child or {}, facts)


def _make_host(name: str, variables: dict[str, Any]) -> InventoryHost:
    return InventoryHost(
        name,
        str(variables["ansible_host"]),
        str(variables["homeprod_environment"]),
        str(variables["homeprod_control_node"]),
        int(variables.get("ansible_port", 22)),
        tuple(map(str, variables.get("homeprod_kept_by", ()))),
    )


def _refuse(file: Path, reason: str) -> ControlError:
    hint = "render it into the playbook repository, and commit it signed\n    homeprod render --to DIR"
    return ControlError(f"the rendered inventory {reason}", where=str(file), hint=hint)
