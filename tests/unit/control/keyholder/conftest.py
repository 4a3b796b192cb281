"""A data disk with a keyring, made once, and nodes that each take a copy of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.keyholder_node import Disk, KeyholderNode, make_disk


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def node(disk: Disk) -> Iterator[KeyholderNode]:
    """Bootstrapped, and not started."""
    with KeyholderNode() as node:
        yield node.take(disk.folder)
