"""The driver suite: resource pools, which the lease stands on, and the list of what runs. Over every target."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.drivers.target import Target

from homeprod.core.errors import ProxmoxError

POOL = "homeprod-test-lease-1"
WORDS = "held by a@b (pid 1): 100 % of it; and ümlaut, = & < >"


@pytest.fixture
def pool(target: Target) -> Iterator[str]:
    """An empty pool, gone at the end of the test."""
    target.hypervisor.create_pool(POOL, WORDS)
    yield POOL
    if POOL in target.hypervisor.read_pools():
        target.hypervisor.delete_pool(POOL)


def test_a_pools_comment_reads_back_as_it_was_written(target: Target, pool: str) -> None:
    assert target.hypervisor.read_pools()[pool] == WORDS
    target.hypervisor.change_pool(pool, "free")
    assert target.hypervisor.read_pools()[pool] == "free"


def test_a_pool_is_made_once(target: Target, pool: str) -> None:
    with pytest.raises(ProxmoxError, match="already exists"):
        target.hypervisor.create_pool(pool, "mine")
    assert target.hypervisor.read_pools()[pool] == WORDS


def test_a_pool_that_is_gone_is_changed_and_deleted_no_more(target: Target, pool: str) -> None:
    target.hypervisor.delete_pool(pool)
    assert pool not in target.hypervisor.read_pools()
    with pytest.raises(ProxmoxError, match="does not exist"):
        target.hypervisor.change_pool(pool, "mine")
    with pytest.raises(ProxmoxError, match="does not exist"):
        target.hypervisor.delete_pool(pool)
    assert pool not in target.hypervisor.read_pools()


def test_a_task_that_ended_is_not_active(target: Target) -> None:
    task = target.hypervisor.create_machine(target.node, vmid := next(target.vmids), {"name": "active"})
    target.made.append(vmid)
    target.run(task)
    assert task not in [active.task for active in target.hypervisor.read_active_tasks(target.node)]
