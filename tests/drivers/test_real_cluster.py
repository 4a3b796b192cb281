"""How the suite is run against a real cluster; and that it refuses to where it is not told where it may work."""

from __future__ import annotations

import os

import pytest
from tests.drivers.target import open_real


def test_a_real_cluster_is_named() -> None:
    if "HOMEPROD_TEST_ENDPOINT" not in os.environ:
        pytest.skip(
            "no real cluster: set HOMEPROD_TEST_ENDPOINT, HOMEPROD_TEST_TOKEN, HOMEPROD_TEST_NODE and "
            "HOMEPROD_TEST_VMIDS (900000-900099: all of them free for the tests)"
        )
    target = open_real()
    assert next(target.vmids, None) is not None
    target.hypervisor.close()


@pytest.mark.parametrize("missing", ["TOKEN", "NODE", "VMIDS"])
def test_a_real_cluster_without_bounds_is_refused(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"ENDPOINT": "https://pve.invalid", "TOKEN": "a@pve!b=c", "NODE": "pve", "VMIDS": "900000-900099"}
    for key, value in named.items():
        monkeypatch.setenv(f"HOMEPROD_TEST_{key}", value)
    monkeypatch.delenv(f"HOMEPROD_TEST_{missing}")
    with pytest.raises(pytest.fail.Exception, match=f"set HOMEPROD_TEST_{missing}"):
        open_real()
