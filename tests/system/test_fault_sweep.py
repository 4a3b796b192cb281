"""Whatever breaks at whatever call of an apply: the next apply converges, and nothing is lost or doubled.

``make test`` sweeps one image, data VM, machine and ISO, made and replaced; ``make soak`` sweeps all of pegasus.
Of a replacement's calls `make test` takes every fourth, the soak all (``HOMEPROD_SWEEP_STEP``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.drivers.imageserver import ImageServer
from tests.system.fault_sweep import FAULTS, STORAGES, Scenario, make_site, prepare, sweep
from tests.system.site_lab import NODE, PEGASUS

from homeprod.lab.spec import LabSpec, SeedSpec
from homeprod.plan.image import desire_images
from homeprod.site.loader import load_site

STEP = int(os.environ.get("HOMEPROD_SWEEP_STEP", "4"))
SPEC = LabSpec("swept", boot=False, storages=STORAGES)


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


@pytest.fixture(scope="module")
def scenarios(server: ImageServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scenario]:
    first, second = make_site(server, 1), make_site(server, 2)
    return {
        "made": prepare(first, None, SPEC, tmp_path_factory.mktemp("made")),
        "replaced": prepare(second, first, SPEC, tmp_path_factory.mktemp("replaced")),
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["made", "replaced"])
def test_the_next_apply_converges(
    scenarios: dict[str, Scenario], name: str, fault: str, tmp_path: Path, figure: Figure
) -> None:
    scenario, step = scenarios[name], STEP if name == "replaced" else 1
    figure(f"{name}: {sweep(scenario, fault, tmp_path, numbers=range(1, scenario.calls + 1, step))}")


@pytest.mark.soak
@pytest.mark.timeout(3500)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_apply_of_pegasus_converges(tmp_path: Path, fault: str, figure: Figure) -> None:
    site = load_site(PEGASUS)
    seeds = tuple(SeedSpec(image.volume, "debian-13") for image in desire_images(site))
    spec = LabSpec("pegasus", boot=False, nodes=(NODE,), storages=STORAGES, seeds=seeds)
    scenario = prepare(site, None, spec, tmp_path / "whole")
    figure(f"pegasus: {sweep(scenario, fault, tmp_path)}")
