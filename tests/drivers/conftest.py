"""The targets of the one driver suite. What a target cannot do stands in ``tests/cases/driver_limits.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from tests.drivers.booted_lab import open_booted_lab
from tests.drivers.imageserver import ImageServer
from tests.drivers.sentrequest import SentRequest
from tests.drivers.target import Target, open_real, open_target
from tests.lab_server import LabServer
from tests.published_requests import check_request

from homeprod.drivers.proxmox.transport.line import Line, Request

LIMITS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "driver_limits.json").read_text()
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A limit is an expected failure, and strict: a target that learns to do it must be taken off the list."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        kind = callspec.params.get("target") if callspec is not None else None
        reason = LIMITS.get(str(kind), {}).get(getattr(item, "originalname", ""))
        if reason:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def _open_fakepve(request: pytest.FixtureRequest) -> Target:
    pve = request.getfixturevalue("fakepve")
    pve.apitokens["root@pam!suite"] = "0000"
    pve.storages["local"]["content"] = "iso,vztmpl,import"
    url, ca_file = request.getfixturevalue("fakepve_url"), request.getfixturevalue("fakepve_cafile")
    return Target("fakepve", open_target(url, "root@pam!suite=0000", ca_file), "pve1", count(100))


def _open_lab(request: pytest.FixtureRequest) -> Target:
    lab = request.getfixturevalue("lab_server")
    assert isinstance(lab, LabServer)
    return Target("lab", open_target(lab.url, lab.token, lab.ca_file), "pve", count(100))


def _open_booted(request: pytest.FixtureRequest) -> Target:
    lab = request.getfixturevalue("booted_lab")
    assert isinstance(lab, LabServer)
    return Target("lab-booted", open_target(lab.url, lab.token, lab.ca_file), "pve", count(100))


_TARGETS: dict[str, Callable[[Any], Target]] = {
    "fakepve": _open_fakepve,
    "lab": _open_lab,
    "lab-booted": _open_booted,
    "real": lambda _: open_real(),
}


def _choose_targets() -> list[ParameterSet]:
    """The real cluster only where one is named; test_real_cluster.py says how."""
    named = [name for name in _TARGETS if name != "real" or "HOMEPROD_TEST_ENDPOINT" in os.environ]
    return [pytest.param(name, marks=[pytest.mark.guest] if name == "lab-booted" else []) for name in named]


@pytest.fixture
def booted_lab() -> Iterator[LabServer]:
    with open_booted_lab() as lab:
        yield lab


@pytest.fixture
def image_server() -> Iterator[ImageServer]:
    with ImageServer() as server:
        yield server


@pytest.fixture
def sent_requests(monkeypatch: pytest.MonkeyPatch) -> list[SentRequest]:
    """Every request that the driver sends from here on, as it stands on the wire."""
    sent: list[SentRequest] = []
    exchange = Line.exchange

    def spy(self: Line, request: Request) -> Any:
        sent.append(SentRequest.read(request.method, request.path, request.body))
        return exchange(self, request)

    monkeypatch.setattr(Line, "exchange", spy)
    return sent


@pytest.fixture(params=_choose_targets())
def target(request: pytest.FixtureRequest, sent_requests: list[SentRequest]) -> Iterator[Target]:
    """Whatever a test of the suite sends must be valid by the published schema."""
    target = _TARGETS[request.param](request)
    try:
        yield target
    finally:
        target.clean()
    problems = [fault for sent in sent_requests for fault in check_request(sent.method, sent.path, sent.parameters)]
    assert not problems
    assert sent_requests
