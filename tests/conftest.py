"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.lab_server import LabServer


@pytest.fixture
def lab_server() -> Iterator[LabServer]:
    """A fresh no-boot lab with the default storages (``local``, ``local-lvm``) on node ``pve``."""
    with LabServer() as lab:
        yield lab


# `make test` tries the same examples every time; `make soak` looks for new ones (HYPOTHESIS_PROFILE=search).
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
