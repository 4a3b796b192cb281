"""A machine replaced again and again: its data disk is the same volume with the same bytes, and nothing is left over.

``HOMEPROD_REPLACEMENTS`` says how often (10; `make soak` does 100).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.stranger_lab import DATA_VM, NODE, VM, StrangerLab, make_site, open_stranger_lab

from homeprod.core.sizes import MiB
from homeprod.plan.change import Action
from homeprod.plan.drives import find_by_serial
from homeprod.site.site import Site

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("HOMEPROD_REPLACEMENTS", "10"))
SIZE = 64 * MiB


@pytest.fixture
def lab() -> Iterator[StrangerLab]:
    with open_stranger_lab() as lab:
        lab.site, _ = _declare(lab, 0)
        lab.apply()
        yield lab


def _declare(lab: StrangerLab, number: int) -> tuple[Site, str]:
    """The site with one more thing that cannot be changed in place, and what that is: by turns an address and where
    the disk is mounted."""
    site = make_site(lab.server, disk_size=SIZE, addresses=(30 + (number + 1) // 2,), at=f"/srv/d{number // 2}")
    return site, "network" if number % 2 else "disks"


def _digest(file: Path) -> str:
    with file.open("rb") as disk:
        return hashlib.file_digest(disk, "sha256").hexdigest()


def _list_volumes(lab: StrangerLab) -> list[str]:
    return sorted(volume.id for volume in lab.cluster.read_content(NODE, "local-hdd"))


@pytest.mark.timeout(1800)
def test_a_data_disk_outlives_its_machine_again_and_again(lab: StrangerLab) -> None:
    volume = lab.drive(DATA_VM, "scsi0").volume
    file = lab.lab.do(lambda hypervisor: hypervisor.volumes.path(volume))
    file.write_bytes(os.urandom(SIZE))
    digest, count = _digest(file), len(_list_volumes(lab))
    owner = lab.cluster.read_machine(NODE, DATA_VM)
    for number in range(1, COUNT + 1):
        site, forcing = _declare(lab, number)
        (change,) = lab.plan(site=site).of(Action.REPLACE)
        assert change.why == f"{forcing} cannot be changed in place"
        lab.apply(site=site)
        assert lab.is_running
        assert not lab.plan(site=site).changes
        attached = find_by_serial(lab.read(VM), "docs")
        assert attached is not None
        assert attached[1].volume == volume
        assert (attached[1].size, file.stat().st_size) == (SIZE, SIZE)
        assert _digest(file) == digest
        assert len(_list_volumes(lab)) == count
    assert lab.cluster.read_machine(NODE, DATA_VM) == owner
