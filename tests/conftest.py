"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.lab_server import LabServer


@pytest.fixture
def lab_server() -> Iterator[LabServer]:
    """A fresh no-boot lab with the default storages (``local``, ``local-lvm``) on node ``pve``."""
    with LabServer() as lab:
        yield lab
