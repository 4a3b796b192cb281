"""One docker machine for all tests of a process; each test has a host of its own on it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docker_machine import ROLE, DockerMachine, open_docker_machine
from tests.kept_host import IMAGE, KeptHost

sys.path.insert(0, str(ROLE / "files"))
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerMachine]:
    with open_docker_machine(tmp_path_factory.mktemp("docker")) as machine:
        machine.import_image(IMAGE, "one")
        yield machine


@pytest.fixture
def host(machine: DockerMachine) -> Iterator[KeptHost]:
    host = KeptHost(machine, f"host-{next(_NUMBERS)}")
    yield host
    host.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever has the machine may be the first, and make its tree."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and "machine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.namespace)
