"""The fault sweep against fakepve, for all of it that is not about disks: fakepve neither imports nor grows them.

The faults are those of the client's own connection, since fakepve counts no calls. Every case is a site of its own.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.drivers.imageserver import ImageServer
from tests.system.fault_sweep import LEASE_LIMIT, MANNER, make_site

from homeprod.cli.plan import Planned
from homeprod.cli.settle import make_settled
from homeprod.core.errors import HomeprodError, TransientError
from homeprod.drivers.proxmox import Connection, Endpoint, ProxmoxHypervisor, Trust, parse_token
from homeprod.drivers.proxmox.task import Pace
from homeprod.drivers.proxmox.transport.line import Request
from homeprod.drivers.proxmox.transport.retry import Backoff
from homeprod.engine.apply import apply_plan
from homeprod.engine.lease.take import hold_lease
from homeprod.engine.lease.watch import Terms
from homeprod.engine.read import read_actual
from homeprod.engine.work import Work
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.plan import Plan
from homeprod.site.place import Datastore
from homeprod.site.site import Site

TOKEN = "root@pam!sweep=0000"
TERMS = Terms(limit=LEASE_LIMIT)
MOST = 120
"""Calls of an apply, at most."""


class FaultyConnection(Connection):
    """One exchange, counted from 1, goes wrong: not sent and refused, or sent and its answer lost."""

    number, kind, count = 0, "", 0

    def spoil(self, number: int, kind: str) -> None:
        self.number, self.kind, self._pass_on = number, kind, self._failover.exchange
        self._failover.exchange = self._exchange  # type: ignore[method-assign]

    def _exchange(self, request: Request) -> urllib3.BaseHTTPResponse:
        self.count += 1
        if self.count != self.number:
            return self._pass_on(request)
        if self.kind == "effect, then cut":
            self._pass_on(request)
            raise TransientError("the connection broke off: cut", where=request.path)
        status, reason = {"595": (595, "No route to host"), "error before": (500, "swept: nothing was done")}[
            self.kind
        ]
        return urllib3.HTTPResponse(io.BytesIO(), status=status, reason=reason)


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["error before", "effect, then cut", "595"])
def test_the_next_apply_converges_but_for_disks(
    fakepve: Any, fakepve_url: str, fakepve_cafile: Path, server: ImageServer, kind: str
) -> None:
    fakepve.apitokens["root@pam!sweep"] = "0000"
    fakepve.storages["local"]["content"] = "iso,vztmpl,import,images"
    store = Datastore(name="local")
    met = 0
    for number in itertools.count(1):
        site = make_site(server, 1, node="pve1", disks=store, files=store, prefix=4000 + number)
        connection = _connect(fakepve_url, fakepve_cafile, number, kind)
        _apply(connection, site)
        if connection.count < number:
            break
        met += 1
        _apply(_connect(fakepve_url, fakepve_cafile, 0, ""), site)
        with closing(_drive(_connect(fakepve_url, fakepve_cafile, 0, ""))) as cluster:
            _check(cluster, site)
        assert number < MOST
    assert met > 20


def _connect(url: str, ca_file: Path, number: int, kind: str) -> FaultyConnection:
    connection = FaultyConnection(
        Endpoint.parse(url),
        parse_token(TOKEN),
        Trust(ca_file=Path(ca_file)),
        backoff=Backoff(first=0.01, longest=0.02),
    )
    connection.spoil(number, kind)
    return connection


def _drive(connection: FaultyConnection) -> ProxmoxHypervisor:
    return ProxmoxHypervisor(connection, pace=Pace(first=0.01, longest=0.05))


def _apply(connection: FaultyConnection, site: Site) -> None:
    """Refused only where there was a fault."""
    with closing(_drive(connection)) as cluster:
        try:
            with hold_lease(cluster, site.config.id, TERMS, lambda _: None) as lease:
                planned = make_settled(site, cluster, lambda: _make_plan(cluster, site))
                work = Work(site, lease.hypervisor, desire(site), planned.actual, MANNER)
                apply_plan(work, planned.plan, lambda _: None)
        except HomeprodError:
            assert connection.number


def _make_plan(cluster: ProxmoxHypervisor, site: Site) -> Planned:
    actual = read_actual(cluster, site)
    return Planned(diff(site, actual, lambda address: f"{address.name}{os.urandom(3).hex()}"), actual, 0)


def _check(cluster: ProxmoxHypervisor, site: Site) -> None:
    plan: Plan = diff(site, read_actual(cluster, site), lambda address: address.name)
    attributes = {d.attribute for change in plan.changes for d in change.differences}
    assert {change.action.value for change in plan.changes} <= {"update"}
    assert attributes <= {"scsi0 size", "scsi0"}, attributes
    wanted = {machine.vmid for machine in desire(site).values()}
    found = [machine for machine in cluster.read_resources().machines if machine.vmid in wanted]
    assert {machine.vmid for machine in found} == wanted
    assert not any(NEW_TAG in machine.tags for machine in found)
    isos = [v.id for v in cluster.read_content("pve1", "local") if f"homeprod-{site.config.id[:8]}-machine" in v.id]
    assert len(isos) == 1
