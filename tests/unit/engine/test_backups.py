"""Backups: what may be claimed of them, and what is left unsaid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.driver_calls import TOKEN

from homeprod.core.errors import DeniedError, ProxmoxError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.drivers.proxmox.listing import decode_backups
from homeprod.drivers.proxmox.rights import HeldPermissions
from homeprod.drivers.proxmox.transport.connection import Connection
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.engine.backups import Backups, read_backups
from homeprod.plan.actual import Actual, ListedNode, ListedStorage, Resources, Version


@dataclass
class Source:
    unbacked: frozenset[int] | ProxmoxError = frozenset()
    kept: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    why: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def read_unbacked(self) -> frozenset[int]:
        if isinstance(self.unbacked, ProxmoxError):
            raise self.unbacked
        return self.unbacked

    def read_backups(self, node: str, storage: str) -> Mapping[int, int]:
        self.asked.append((node, storage))
        return self.kept.get((node, storage), {})

    def find_unseen_backups(
        self, permissions: Mapping[str, frozenset[str]], storage: str, vmids: Collection[int]
    ) -> str:
        return f"{self.why} on {storage}" if self.why and vmids and not permissions else ""


def make_actual(*storages: ListedStorage, nodes: tuple[str, ...] = ("a", "b")) -> Actual:
    listed = tuple(ListedNode(name, is_online=name != "off") for name in (*nodes, "off"))
    return Actual(Version((9, 2), "9.2"), {}, Resources(storages=storages, nodes=listed), {})


def store(name: str, node: str, *, is_shared: bool = False, content: str = "backup") -> ListedStorage:
    return ListedStorage(name, node, "dir", frozenset({content}), is_shared=is_shared)


def test_the_newest_of_all_storages_counts() -> None:
    source = Source(frozenset({102}), {("a", "local"): {100: 5, 101: 9}, ("b", "local"): {100: 7}})
    actual = make_actual(store("local", "a"), store("local", "b"), store("ssd", "a", content="images"))
    assert read_backups(source, actual, [100, 101, 102]) == Backups(frozenset({102}), {100: 7, 101: 9})


def test_a_shared_storage_is_asked_once_and_a_node_that_is_off_not_at_all() -> None:
    source = Source()
    shared = [store("nfs", node, is_shared=True) for node in ("off", "b", "a")]
    read_backups(source, make_actual(*shared, store("local", "off")), [100])
    assert source.asked == [("a", "nfs")]


def test_where_some_could_be_hidden_nothing_is_claimed() -> None:
    found = read_backups(Source(why="the token lacks it"), make_actual(store("local", "a")), [100])
    assert (found.last, found.unseen) == (None, ("the token lacks it on local",))
    none = read_backups(Source(), make_actual(store("ssd", "a", content="images")), [100])
    assert (none.last, none.unseen) == (None, ("no storage that takes backups is shown to this token",))


def test_jobs_that_are_not_shown() -> None:
    found = read_backups(Source(DeniedError("permission check failed")), make_actual(store("local", "a")), [100])
    assert found == Backups(None, {}, ("backup jobs are not shown: permission check failed",))


@pytest.mark.parametrize(
    ("held", "hidden"),
    [
        ({"/storage/b": {"Datastore.Allocate": 1}}, ""),
        ({"/storage/b": {"Datastore.AllocateSpace": 1}, "/vms": {"VM.Backup": 1}}, ""),
        ({"/storage/b": {"Datastore.AllocateSpace": 1}, "/vms/100": {"VM.Backup": 1}}, "VM.Backup on /vms/101"),
        ({"/storage/b": {"Datastore.Audit": 1}, "/vms": {"VM.Backup": 1}}, "Datastore.AllocateSpace on /storage/b"),
        ({}, "Datastore.AllocateSpace on /storage/b"),
    ],
)
def test_which_rights_show_backups(held: dict[str, Any], hidden: str) -> None:
    cluster = ProxmoxHypervisor(Connection(Endpoint("pve.invalid"), TOKEN))
    why = cluster.find_unseen_backups(HeldPermissions(held), "b", [101, 100])
    assert why == (f"the token lacks {hidden}, so backups on b are hidden from it" if hidden else "")


def test_backups_as_a_storage_lists_them() -> None:
    name = "local:backup/vzdump-qemu-100-2026_10_31-01_00_03.vma.zst"
    items = [
        {"volid": name, "content": "backup", "ctime": 5, "vmid": 100},
        {"volid": name, "content": "backup", "ctime": 9, "vmid": "100"},
        {"volid": "pbs:backup/vm/101/2026-10-31T01:00:03Z", "content": "backup", "ctime": 7, "vmid": 101},
        {"volid": "local:backup/other.tar", "content": "backup", "ctime": 1},
        {"volid": name, "content": "backup", "vmid": 102},
    ]
    assert decode_backups(items) == {100: 9, 101: 7}
