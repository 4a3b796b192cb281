"""A site as a lab stands in for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab.spec import BridgeSpec, LabSpec, SeedSpec, StorageSpec
from homeprod.plan.image import desire_images
from homeprod.site.loader import load_site
from homeprod.wiring import open_cluster
from homeprod.wiring.rehearsal import describe_lab

PEGASUS = load_site(Path(__file__).parents[3] / "examples" / "pegasus")


def test_pegasus() -> None:
    spec = describe_lab(PEGASUS, "p")
    assert spec.nodes == ("proxmox-1",)
    assert spec.storages == (
        StorageSpec("local-hdd", "dir", ("images", "import", "iso")),
        StorageSpec("local-nvme", "lvmthin", ("images",)),
    )
    assert spec.bridges == (BridgeSpec("vmbr0", ("10.111.1.1/24",), ("10.111.1.2", "10.111.1.3")),)
    assert spec.images == "stand-in"
    assert spec.seeds == tuple(
        SeedSpec(d.volume, "debian-13", d.image.url, d.image.checksum, d.image.algorithm)
        for d in desire_images(PEGASUS)
    )
    assert spec.domain == "home.pegasuspad.com"


def test_every_name_of_the_site_has_its_addresses() -> None:
    hosts = describe_lab(PEGASUS, "p").hosts
    assert hosts["lab-coder"] == ("10.111.1.21",)
    assert hosts["prod-proxy"] == ("10.111.1.5", "10.111.1.6")
    assert hosts["opnsense"] == ("10.111.1.1",)
    assert "lab-ansible-data" not in hosts


def test_two_families(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "homeprod", "init", str(tmp_path / "home")], check=True, timeout=60)
    config = tmp_path / "home" / "modules" / "_config.py"
    text = config.read_text()
    assert "subnet=" in text
    config.write_text(text.replace("subnet=", 'subnet6="2001:db8:1::/64",\n    subnet=', 1))
    spec = describe_lab(load_site(tmp_path / "home"), "p")
    gateways = spec.bridges[0].gateways
    assert len(gateways) == 2
    assert gateways[1].startswith("2001:db8:1::")
    assert gateways[1].endswith("/64")
    assert all(len(addresses) == 2 for addresses in spec.hosts.values())


def test_a_lab_never_takes_its_connection_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOMEPROD_ENDPOINT", "https://real.invalid:8006")
    folder = tmp_path / "homeprod" / "labs" / "p"
    folder.mkdir(parents=True)
    LabSpec("p", boot=False).write(folder / "lab.json")
    with pytest.raises(LabError, match="lab p is not up"):
        open_cluster(PEGASUS, lab="p")
