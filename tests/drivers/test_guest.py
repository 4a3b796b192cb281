"""A lab that really boots machines, closed. What the driver sees of a machine through its guest agent is tried in
``tests/system/test_guest_life.py``, in boots that it needs anyway."""

from __future__ import annotations

import pytest
from tests.drivers.booted_lab import open_booted_lab

pytestmark = [pytest.mark.guest, pytest.mark.namespace]


def test_nothing_is_left() -> None:
    """Namespaces and folders of the booted lab are gone once it is closed."""
    with open_booted_lab() as lab:
        folder = lab.folder
        assert folder.exists()
    assert not folder.exists()
