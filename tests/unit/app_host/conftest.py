"""One docker machine for all tests of a process; each test has a host of its own on it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

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
