"""Whatever breaks at whatever call of a cold start: the next apply converges, and the machine runs.

``make test`` kills it wherever that may leave the machine off; ``make soak`` has every fault at every call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.drivers.imageserver import ImageServer
from tests.system.fault_sweep import FAULTS, STORAGES, Scenario, make_site, prepare, sweep
from tests.system.stranger_lab import with_policy

from homeprod.lab.spec import LabSpec
from homeprod.site.site import Site

pytestmark = pytest.mark.slow

COUNT = 22
"""Calls from the first write on: the new value, the tag, the shutdown, the start, the tag again, with what is looked
up between."""


def _with_cores(site: Site, cores: int) -> Site:
    declared = site.machines["machine-4001"]
    machine = declared.machine.model_copy(update={"cores": cores})
    return dataclasses.replace(
        site, machines={**site.machines, "machine-4001": dataclasses.replace(declared, machine=machine)}
    )


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    with ImageServer() as server:
        first = with_policy(make_site(server, 1), "allowed")
        spec = LabSpec("swept", boot=False, storages=STORAGES)
        yield prepare(_with_cores(first, 3), first, spec, tmp_path_factory.mktemp("cold"))


@pytest.mark.timeout(300)
def test_killed_anywhere_between_the_tag_and_its_end(scenario: Scenario, tmp_path: Path) -> None:
    sweep(scenario, "kill after", tmp_path, numbers=range(scenario.written, scenario.written + COUNT))


@pytest.mark.soak
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_call(scenario: Scenario, fault: str, tmp_path: Path, figure: Figure) -> None:
    figure(f"cold start: {sweep(scenario, fault, tmp_path)}")
