"""Stand-ins under the site's own volume names: shown as what they are, importable, picked up on a restart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.core.errors import LabError
from homeprod.lab.seeds import make_stand_in, seed_file
from homeprod.lab.spec import LabSpec, SeedSpec
from homeprod.lab.storage.qcow2 import read_clusters, read_virtual_size, write_qcow2

QCOW2 = SeedSpec("local:import/a.qcow2", "debian-13")
RAW = SeedSpec("local:import/b.raw", "debian-13")
SPEC = LabSpec("seeds", boot=False, seeds=(QCOW2, RAW))


def test_they_are_listed_as_stand_ins() -> None:
    with LabServer(SPEC) as lab:
        content = Client(lab).get("/nodes/pve/storage/local/content", content="import")
    assert [(entry["volid"], entry["notes"]) for entry in content] == [
        ("local:import/a.qcow2", "stand-in: debian-13"),
        ("local:import/b.raw", "stand-in: debian-13"),
    ]


@pytest.mark.parametrize("seed", SPEC.seeds)
def test_they_can_be_imported(seed: SeedSpec) -> None:
    with LabServer(SPEC) as lab:
        Client(lab).create(100, scsi0=f"local-lvm:0,import-from={seed.volume}")
        disk = lab.hypervisor.volumes.path("local-lvm:vm-100-disk-0")
        assert disk.stat().st_size == 1024**2
        assert disk.read_bytes().strip(b"\0")
        assert disk.stat().st_blocks * 512 < 128 * 1024  # sparse


def test_new_seeds_are_picked_up_on_a_restart(tmp_path: Path) -> None:
    with LabServer(dataclasses.replace(SPEC, seeds=(QCOW2,)), tmp_path) as lab:
        Client(lab).create(100)
    with LabServer(SPEC, tmp_path) as lab:
        content = Client(lab).get("/nodes/pve/storage/local/content")
        assert {entry["volid"] for entry in content} == {QCOW2.volume, RAW.volume}


def test_a_given_image_is_used(tmp_path: Path) -> None:
    file = seed_file(tmp_path, QCOW2.volume)
    assert file == tmp_path / "seeds" / "local:import_a.qcow2"
    file.parent.mkdir()
    write_qcow2(file, b"\7" * 65536 * 3)
    with LabServer(SPEC, tmp_path) as lab:
        Client(lab).create(100, scsi0=f"local:0,import-from={QCOW2.volume}")
        assert lab.hypervisor.volumes.path("local:100/vm-100-disk-0.qcow2").read_bytes() == b"\7" * 65536 * 3


def test_a_real_download_is_left_alone(tmp_path: Path) -> None:
    with LabServer(dataclasses.replace(SPEC, seeds=()), tmp_path) as lab:
        file = lab.hypervisor.volumes.path(RAW.volume)
        file.parent.mkdir(parents=True)
        file.write_bytes(b"real")
        lab.do(lambda hypervisor: hypervisor.catalog.add(RAW.volume, 4))
    with LabServer(SPEC, tmp_path) as lab:
        assert lab.hypervisor.volumes.path(RAW.volume).read_bytes() == b"real"


def test_a_stand_in_depends_on_its_name_alone(tmp_path: Path) -> None:
    make_stand_in(tmp_path / "a.qcow2", "x")
    make_stand_in(tmp_path / "b.qcow2", "x")
    make_stand_in(tmp_path / "c.qcow2", "y")
    assert (tmp_path / "a.qcow2").read_bytes() == (tmp_path / "b.qcow2").read_bytes()
    assert (tmp_path / "a.qcow2").read_bytes() != (tmp_path / "c.qcow2").read_bytes()
    assert read_virtual_size(tmp_path / "a.qcow2") == 1024**2
    assert next(iter(read_clusters(tmp_path / "a.qcow2")))[0] == 0


def test_a_seed_on_an_unknown_storage_is_refused() -> None:
    spec = LabSpec("seeds", boot=False, seeds=(SeedSpec("nowhere:import/a.raw", "debian-13"),))
    with pytest.raises(LabError, match="names a storage that the lab has not"), LabServer(spec):
        pass
