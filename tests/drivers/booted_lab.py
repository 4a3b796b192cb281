"""A lab that really runs machines, in a network namespace of its own, gone at the end with everything it started."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.lab_server import LabServer

from homeprod.lab.guest import QemuRunner
from homeprod.lab.lan.network import Lan
from homeprod.lab.seeds import seed_file
from homeprod.lab.spec import BridgeSpec, LabSpec, SeedSpec

GATEWAY = "192.0.2.1"
GATEWAY6 = "2001:db8::1"
"""Of subnets kept for documentation (RFC 5737, RFC 3849); they exist inside the lab's namespace alone."""


@contextmanager
def open_booted_lab(seeds: Mapping[str, Path] | None = None) -> Iterator[LabServer]:
    """``seeds`` maps volume ids to the image files behind them."""
    if os.geteuid() != 0:
        pytest.skip("a lab that boots machines makes network namespaces: run as root")
    folder = Path(tempfile.mkdtemp(prefix="homeprod-booted-"))
    for volume, image in (seeds or {}).items():
        seed_file(folder, volume).parent.mkdir(exist_ok=True)
        seed_file(folder, volume).symlink_to(image)
    spec = LabSpec(
        "drivers",
        bridges=(BridgeSpec("vmbr0", gateways=(f"{GATEWAY}/24", f"{GATEWAY6}/64")),),
        seeds=tuple(SeedSpec(volume, "debian-13") for volume in seeds or {}),
    )
    lan = Lan(spec, folder)
    try:
        lan.up()
        with LabServer(spec, state=folder) as lab:
            yield lab
    finally:
        # Whatever a failed test left running ends here; the service itself leaves machines alone.
        for mark in QemuRunner(spec, folder).running().values():
            mark.end()
        lan.down()
        shutil.rmtree(folder, ignore_errors=True)
