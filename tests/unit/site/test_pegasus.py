"""examples/pegasus is the real site: exactly its names, addresses and VMIDs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from homeprod.core.errors import UsageError
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


@pytest.fixture(scope="module")
def pegasus() -> Site:
    return load_site(PEGASUS)


def test_addresses_and_vmids(pegasus: Site) -> None:
    rows = {row["name"]: (row["kind"], row["number"], row["address"], row["vmid"]) for row in pegasus.addresses()}
    assert rows == {
        "lab-ansible": ("vm", 22, "10.111.1.22", 4001022),
        "lab-ansible-data": ("data-vm", 22, None, 94001022),
        "lab-coder": ("vm", 21, "10.111.1.21", 4001021),
        "lab-proxy": ("vm", 212, "10.111.1.212", 5000000),
        "prod-ansible": ("vm", 23, "10.111.1.23", 4000001),
        "prod-ansible-data": ("data-vm", 23, None, 94000001),
        "prod-proxy": ("vm", 5, "10.111.1.5", 4001005),
        "prod-proxy-passthrough": ("vm", 4, "10.111.1.4", 4000004),
    }


def test_the_keys_disk_belongs_to_the_data_vm(pegasus: Site) -> None:
    mount = pegasus.machines["lab-ansible"].machine.mounts[0]  # type: ignore[attr-defined]
    owner = pegasus.owner(mount.disk)
    assert owner is not None
    assert owner.name == "lab-ansible-data"


def test_the_endpoint_can_reach_nobody(pegasus: Site) -> None:
    assert pegasus.config.cluster.endpoint.split("//")[1].split(":")[0].endswith(".invalid")


def test_loading_leaves_no_trace_in_the_process(pegasus: Site) -> None:
    assert not [name for name in sys.modules if name.split(".")[0] == "modules"]
    assert str(PEGASUS) not in sys.path


def test_root_is_found_from_below() -> None:
    assert find_root(PEGASUS / "modules") == PEGASUS


def test_no_site_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no site here"):
        find_root(tmp_path)
