"""A client of a fresh lab."""

from __future__ import annotations

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client


@pytest.fixture
def client(lab_server: LabServer) -> Client:
    return Client(lab_server)
