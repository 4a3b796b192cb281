"""Pegasus and two machines more, ten in all, on three nodes with shared storages, and what happens to nodes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.system.site_lab import NODE, STORAGES, SiteLab, open_site_lab

from homeprod.engine.work import Manner
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.document import print_document

SECOND, THIRD = "proxmox-2", "proxmox-3"
NODES = (NODE, SECOND, THIRD)
SHARED = tuple(dataclasses.replace(storage, is_shared=True) for storage in STORAGES)
CODER, ANSIBLE, KEYS, WIKI, FEED = 4001021, 4001022, 94001022, 4001031, 4001032


@contextmanager
def open_cluster_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    """Nothing is made yet. lab-ansible, its data VM and lab-wiki belong on the second node, lab-coder and lab-feed on
    the third, the others on the first."""
    with open_site_lab(tmp_path, monkeypatch, capsys, storages=SHARED, nodes=NODES) as lab:
        monkeypatch.setattr("homeprod.cli.apply.Manner", functools.partial(Manner, pause=0.01, look_every=0.05))
        modules = lab.root / "modules"
        coder = (modules / "lab_coder_vm.py").read_text()
        (modules / "lab_wiki_vm.py").write_text(coder.replace("number=21,", f"number=31, node={SECOND!r},"))
        (modules / "lab_feed_vm.py").write_text(coder.replace("number=21,", f"number=32, node={THIRD!r},"))
        lab.edit("lab_coder_vm", "number=21,", f"number=21, node={THIRD!r},")
        lab.edit("lab_ansible_vm", "number=22,", f"number=22, node={SECOND!r},")
        lab.edit("lab_ansible_data_vm", "number=22,", f"number=22, node={SECOND!r},")
        yield lab


def move(hypervisor: Hypervisor, vmid: int, node: str) -> None:
    """As HA does it, or a person. In the lab's own loop."""
    machine = hypervisor.machines.find(vmid)
    assert machine is not None
    hypervisor.machines.remove(vmid)
    hypervisor.machines.write_text(vmid, node, print_document(machine.document))


def switch(lab: SiteLab, node: str, *, on: bool) -> None:
    lab.lab.do(lambda hypervisor: (hypervisor.offline.discard if on else hypervisor.offline.add)(node))


def list_machines(lab: SiteLab) -> dict[int, tuple[str, str]]:
    """Node and digest of the configuration of each machine, by VMID, as nobody but the lab itself knows them all."""
    return lab.lab.do(lambda hypervisor: {m.vmid: (m.node, m.digest) for m in hypervisor.machines})
