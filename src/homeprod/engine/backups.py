"""Backups of the site's machines, as far as the token may see them: who is in a job, and when the last was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from homeprod.core.errors import HomeprodError
from homeprod.plan.actual import Actual


class BackupSource(Protocol):
    """What is needed of a cluster. Each verb raises ProxmoxError."""

    def read_unbacked(self) -> frozenset[int]:
        """VMIDs that no backup job has."""

    def read_backups(self, node: str, storage: str) -> Mapping[int, int]:
        """By VMID, when its newest backup there was made, in seconds since 1970."""

    def find_unseen_backups(
        self, permissions: Mapping[str, frozenset[str]], storage: str, vmids: Collection[int]
    ) -> str:
        """Why backups of those machines would be hidden there; empty where none would be."""


@dataclass(frozen=True, slots=True)
class Backups:
    """``unbacked`` are machines in no job, ``last`` when each one's newest backup was made, by VMID; either is None
    where nobody could see it, and ``unseen`` says then why."""

    unbacked: frozenset[int] | None = None
    last: Mapping[int, int] | None = None
    unseen: tuple[str, ...] = field(default=())


def read_backups(source: BackupSource, actual: Actual, vmids: Collection[int]) -> Backups:
    """One call for the jobs, and one for each storage that takes backups; nothing is raised, since much else is known
    without."""
    unseen: list[str] = []
    unbacked: frozenset[int] | None = None
    last: dict[int, int] | None = None
    try:
        unbacked = source.read_unbacked()
    except HomeprodError as error:
        unseen.append(f"backup jobs are not shown: {error.message}")
    try:
        last = _read_last(source, actual, vmids)
    except HomeprodError as error:
        unseen.append(error.message)
    return Backups(unbacked, last, tuple(unseen))


def _read_last(source: BackupSource, actual: Actual, vmids: Collection[int]) -> dict[int, int]:
    """Raises HomeprodError where some could be hidden: no claim is made from a list that has gaps."""
    places = _list_places(actual)
    if not places:
        raise HomeprodError("no storage that takes backups is shown to this token")
    last: dict[int, int] = {}
    for node, storage in places:
        if why := source.find_unseen_backups(actual.permissions, storage, vmids):
            raise HomeprodError(why)
        for vmid, made in source.read_backups(node, storage).items():
            last[vmid] = max(made, last.get(vmid, 0))
    return last


def _list_places(actual: Actual) -> list[tuple[str, str]]:
    """A shared storage once, by the first node that has it."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for storage in sorted(actual.resources.storages, key=lambda one: (one.name, one.node)):
        if "backup" in storage.content and storage.is_available and storage.node in actual.online:
            key = (storage.name, "" if storage.is_shared else storage.node)
            found.setdefault(key, (storage.node, storage.name))
    return list(found.values())
