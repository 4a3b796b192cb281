"""A machine with an operating system, seen through its guest agent: only where machines are really booted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.drivers.booted_lab import GATEWAY, open_booted_lab
from tests.drivers.target import Target, open_target

from homeprod.cloudinit.iso import build_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import Guest
from homeprod.core.sizes import GiB
from homeprod.lab.image.cache import ensure_image
from homeprod.plan.config import Agent, BootOrder, Drive, NewDrive, Nic

IMAGE = "local:import/debian-13.qcow2"
pytestmark = [pytest.mark.guest, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def booted() -> Iterator[Target]:
    with open_booted_lab({IMAGE: ensure_image("debian-13", lambda _: None)}) as lab:
        hypervisor = open_target(lab.url, lab.token, lab.ca_file)
        with closing(hypervisor):
            yield Target("lab-booted", hypervisor, "pve", count(100))


def until(seconds: float, is_so: object) -> None:
    """Poll a condition; fails the test when the time is up."""
    assert callable(is_so)
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds:g} s"
        time.sleep(1)


def test_the_end_of_cloud_init_is_read_through_the_agent(booted: Target) -> None:
    hypervisor, vmid = booted.hypervisor, next(booted.vmids)
    nic = Nic("virtio", "02:00:00:00:00:64", "vmbr0")
    card = Card("02:00:00:00:00:64", ("192.0.2.100/24",), (GATEWAY,), (GATEWAY,))
    cidata = booted.upload("cidata.iso", build_iso(render_files(Guest("suite", "suite-1"), card)))
    config = {
        "name": "suite",
        "memory": 1024,
        "cores": 2,
        "agent": Agent(True),
        "scsihw": "virtio-scsi-single",
        "scsi0": NewDrive("local-lvm", 8 * GiB, import_from=IMAGE),
        "scsi1": NewDrive("local-lvm", GiB, options=(("serial", "suitedata"),)),
        "ide2": Drive(cidata, options=(("media", "cdrom"),)),
        "net0": nic,
        "boot": BootOrder(("scsi0",)),
        "serial0": "socket",
    }
    booted.run(hypervisor.create_machine(booted.node, vmid, config))
    booted.run(hypervisor.grow_disk(booted.node, vmid, "scsi0", 8 * GiB))
    booted.run(hypervisor.start_machine(booted.node, vmid))
    assert hypervisor.read_guest_file(booted.node, vmid, "/etc/hostname") is None

    until(400, lambda: hypervisor.ping_agent(booted.node, vmid))
    until(300, lambda: hypervisor.read_guest_file(booted.node, vmid, "/run/cloud-init/result.json") is not None)
    result = hypervisor.read_guest_file(booted.node, vmid, "/run/cloud-init/result.json")
    assert result is not None
    assert json.loads(result)["v1"]["errors"] == []
    hostname = hypervisor.read_guest_file(booted.node, vmid, "/etc/hostname")
    assert hostname is not None
    assert hostname.strip() == "suite"
    assert hypervisor.read_guest_file(booted.node, vmid, "/no/such/file") is None

    # A running machine's disk grows under it.
    booted.run(hypervisor.grow_disk(booted.node, vmid, "scsi1", 2 * GiB))
    grown = hypervisor.read_machine(booted.node, vmid).config["scsi1"]
    assert isinstance(grown, Drive)
    assert grown.size == 2 * GiB

    # The guest itself powers off: nobody pulls the plug.
    booted.run(hypervisor.shutdown_machine(booted.node, vmid, timeout=180))
    assert hypervisor.read_status(booted.node, vmid) == "stopped"
    booted.run(hypervisor.destroy_machine(booted.node, vmid))


def test_nothing_is_left(tmp_path: Path) -> None:
    """Namespaces and folders of the booted lab are gone once it is closed."""
    with open_booted_lab() as lab:
        folder = lab.folder
        assert folder.exists()
    assert not folder.exists()
