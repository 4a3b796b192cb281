"""A control node whose keyring is there already, sealed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.keyholder_node import Disk, KeyholderNode, make_disk


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def node(disk: Disk) -> Iterator[KeyholderNode]:
    with KeyholderNode() as node:
        yield node.take(disk.folder)
