"""Plan: the changes, frozen, with what they were decided from and what a person must know besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from homeprod.core.address import Address
from homeprod.plan.change import Action, Change
from homeprod.plan.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the site asks for and Proxmox cannot give: a person must decide. Nothing is applied meanwhile."""

    address: Address
    message: str
    hint: str = ""
    passes: bool = False
    """Whether it will pass of itself: a task that runs now ends it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know that no apply would change: a value that waits for a cold start, a machine that a person
    stopped, a data VM that left the site and is kept. ``differs`` where Proxmox is not as the site says, ``waits``
    where a machine cannot be made before a person has done something."""

    address: Address
    message: str
    differs: bool = True
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``changes`` by address, deletions last. ``basis`` is what it was decided from: by address, the digest of the
    machine's configuration, or that there was none."""

    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()
    basis: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[Unknown, ...] = ()
    """Machines that could not be read, and are left alone."""

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.conflicts

    def is_same(self, other: Plan) -> bool:
        """Whether the other one, made later, would do the same to the same machines. Nonces do not count."""
        ours, theirs = ([replace(change, instance="") for change in plan.changes] for plan in (self, other))
        return ours == theirs and self.basis == other.basis

    def of(self, *actions: Action) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action in actions)

    def without(self, action: Action) -> Plan:
        return replace(self, changes=tuple(change for change in self.changes if change.action is not action))

    def only(self, addresses: frozenset[Address]) -> Plan:
        """The part of it that concerns these."""
        return replace(
            self,
            changes=tuple(change for change in self.changes if change.address in addresses),
            conflicts=tuple(conflict for conflict in self.conflicts if conflict.address in addresses),
            notices=tuple(notice for notice in self.notices if notice.address in addresses),
            unknown=tuple(unknown for unknown in self.unknown if unknown.address in addresses),
        )
