"""Nodes whose keyring is there already: a data disk made once, of which each takes a copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.keyholder_node import Disk, KeyholderNode, make_disk

__all__ = ["disk", "node"]


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def node(disk: Disk) -> Iterator[KeyholderNode]:
    """Bootstrapped, and not started."""
    with KeyholderNode() as node:
        yield node.take(disk.folder)
