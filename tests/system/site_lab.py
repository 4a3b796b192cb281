"""A lab that boots nothing, made for a site, and the command line run against it as a person would."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.lab_server import LabServer

from homeprod.cli.main import main
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.work import Manner
from homeprod.lab.spec import LabSpec, SeedSpec, StorageSpec
from homeprod.plan.image import desire_images
from homeprod.site.loader import load_site

PEGASUS = Path(__file__).parents[2] / "examples" / "pegasus"
NODE = "proxmox-1"
STORAGES = (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd"))


@dataclass(frozen=True)
class SiteLab:
    """``root`` is a copy of the site that a test may change."""

    root: Path
    lab: LabServer
    capsys: pytest.CaptureFixture[str]

    @property
    def env(self) -> dict[str, str]:
        ca_file = str(self.lab.ca_file)
        return {"HOMEPROD_ENDPOINT": self.lab.url, "HOMEPROD_TOKEN": self.lab.token, "HOMEPROD_CA_FILE": ca_file}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, what was printed, what was said, as where the site is found without ``--site``: commands to copy
        name it. The token's secret is in neither."""
        self.capsys.readouterr()
        code = main(["--site", str(self.root), *arguments])
        said = self.capsys.readouterr()
        assert self.lab.token.partition("=")[2] not in said.out + said.err
        named = f" --site {self.root}"
        return code, said.out.replace(named, ""), said.err.replace(named, "")

    def plan(self, *arguments: str) -> dict[str, Any]:
        _, out, _ = self.run("plan", "--json", *arguments)
        return dict(json.loads(out))

    def apply(self, *arguments: str) -> int:
        return self.run("apply", "--yes", "--no-wait", *arguments)[0]

    def actions(self, *arguments: str) -> list[tuple[str, str]]:
        """Action and address of every change that a plan has now."""
        return [(change["action"], change["address"]) for change in self.plan(*arguments)["changes"]]

    def edit(self, module: str, old: str, new: str) -> None:
        file = self.root / "modules" / f"{module}.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def forget_control_nodes(self) -> None:
        """For a site that is to lose its control nodes, or has none: nobody configures its machines."""
        for environment in ("lab", "prod"):
            self.edit("_config", f'branch="{environment}", control_node="lab-ansible"', f'branch="{environment}"')
        self.edit("_config", ', upkeep=Upkeep(policy="converge")', "")
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yQW5zaWJsZTEx"
        self.edit("_config", 'ControlUser(name="ansible")', f'Person(name="ansible", keys=("{key}",))')

    @contextmanager
    def driver(self) -> Iterator[ProxmoxHypervisor]:
        with closing(open_hypervisor(resolve_settings(self.env))) as cluster:
            yield cluster


@contextmanager
def open_site_lab(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    storages: tuple[StorageSpec, ...] = STORAGES,
    nodes: tuple[str, ...] = (NODE,),
    version: str = "9.2.3",
    is_configured: bool = False,
) -> Iterator[SiteLab]:
    """``is_configured`` leaves the machines their control nodes: none of them is finished before it was rung for."""
    root = tmp_path / "pegasus"
    shutil.copytree(PEGASUS, root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "modules" / "_entry.py").unlink()  # it names machines that tests take away, and makes nothing in Proxmox
    names = {storage.name for storage in storages}
    volumes = [image.volume for image in desire_images(load_site(root)) if image.storage in names]
    seeds = tuple(SeedSpec(volume, "debian-13") for volume in volumes)
    spec = LabSpec(name="pegasus", boot=False, version=version, nodes=nodes, storages=storages, seeds=seeds)
    for name in [name for name in os.environ if name.startswith("HOMEPROD_") and name != "HOMEPROD_BUNDLE"]:
        monkeypatch.delenv(name)
    # As in real life, but for the pauses between attempts.
    monkeypatch.setattr("homeprod.cli.apply.Manner", functools.partial(Manner, pause=0.01))
    with LabServer(spec) as lab:
        site_lab = SiteLab(root, lab, capsys)
        for name, value in site_lab.env.items():
            monkeypatch.setenv(name, value)
        if not is_configured:
            site_lab.forget_control_nodes()
        yield site_lab
