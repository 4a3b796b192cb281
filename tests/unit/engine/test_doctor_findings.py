"""Doctor against a server that answers as told: what a well-behaved lab does not show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.published_requests import check_request
from tests.scripted_server import Answer, ScriptedServer, Seen

from homeprod.core.address import Address
from homeprod.core.sizes import GiB, MiB
from homeprod.drivers.proxmox import Endpoint, Settings, Trust, parse_token
from homeprod.drivers.proxmox.patient import ProxmoxPatient
from homeprod.engine.doctor import Finding, Verdict, examine
from homeprod.plan.mark import Mark, render_note
from homeprod.plan.needs import SiteNeeds

SITE = "11111111-2222-4333-8444-555555555555"
NEEDS = SiteNeeds(
    nodes=frozenset({"pve"}),
    content={("pve", "local"): frozenset({"import", "iso"}), ("pve", "ssd"): frozenset({"images"})},
    disks={("pve", "ssd"): {100: 10 * GiB}},
    bridges=frozenset({("pve", "vmbr0")}),
    machines={100: Address("vm", "a")},
    image_nodes=frozenset({"pve"}),
    sets_startup=False,
)
NODE = {"type": "node", "node": "pve", "status": "online"}
LOCAL = {
    "type": "storage",
    "node": "pve",
    "storage": "local",
    "plugintype": "dir",
    "content": "iso,import,backup",
    "status": "available",
    "disk": GiB,
    "maxdisk": 100 * GiB,
}
SSD = {**LOCAL, "storage": "ssd", "plugintype": "lvmthin", "content": "images"}
EVERYTHING = {
    "/pool": {"Pool.Allocate": 1},
    "/": {"Sys.Audit": 1, "Sys.Modify": 1, "Sys.AccessNetwork": 1, "SDN.Use": 1},
    "/storage": dict.fromkeys(
        ("Datastore.Audit", "Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate"), 1
    ),
    "/vms": dict.fromkeys(
        (
            *("VM.Allocate", "VM.Audit", "VM.PowerMgmt", "VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"),
            *(f"VM.Config.{name}" for name in ("CDROM", "CPU", "Disk", "HWType", "Memory", "Network", "Options")),
        ),
        1,
    ),
}
# A clock that stands still, and so early that the server's certificate, made for a day, has two months to go.
NOW = int(time.time()) - 60 * 86400
Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path) as server:
        yield server


@pytest.fixture
def examined(server: ScriptedServer) -> Examine:
    """Findings by check. Keywords change one answer each, ``now`` is our clock."""

    def run(*, now: int = NOW, **changes: Any) -> dict[str, Finding]:
        answers: dict[str, Any] = {
            "/version": {"version": "9.2.3", "release": "9.2"},
            "/access/permissions": EVERYTHING,
            "/cluster/resources": [NODE, LOCAL, SSD],
            "/nodes/pve/time": {"time": now},
            "/nodes/pve/network": [{"iface": "vmbr0", "type": "bridge"}],
            **{"/" + name.replace("__", "/"): answer for name, answer in changes.items()},
        }
        server.script = lambda seen: _answer(answers, seen)
        settings = Settings(Endpoint.parse(server.url), parse_token("a@pve!bb=canary"), Trust(server.ca_file))
        with closing(ProxmoxPatient(settings)) as patient:
            found = [*examine(SITE, NEEDS, patient, lambda: now)]
        assert [*_find_faults(server.seen)] == []
        assert "canary" not in repr(found)
        return {finding.check: finding for finding in found}

    return run


def _find_faults(requests: list[Seen]) -> Iterator[str]:
    """What in the requests is not as Proxmox publishes its API, or does not only read."""
    for seen in requests:
        path, _, query = seen.path.removeprefix("/api2/json").partition("?")
        yield from check_request(seen.method, path, dict(parse_qsl(query)))
        if seen.method != "GET":
            yield f"{seen.method} {path} may write"


def _answer(answers: dict[str, Any], seen: Seen) -> Answer:
    answer = answers.get(seen.path.removeprefix("/api2/json").partition("?")[0])
    if isinstance(answer, Answer):
        return answer
    return Answer(501) if answer is None else Answer(body=json.dumps({"data": answer}).encode())


def test_all_is_well(examined: Examine) -> None:
    found = examined()
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}, found
    assert found["storage local on pve"].message == "takes import, iso; 99 GiB free"
    assert found["VMIDs"].message == "1 are free, 0 are this site's"
    assert [*found] == [
        "connection",
        "certificate",
        "token",
        "version",
        "rights",
        "node pve",
        "clock of pve",
        "storage local on pve",
        "storage ssd on pve",
        "bridge vmbr0 on pve",
        "VMIDs",
    ]


def _ill(found: dict[str, Finding], check: str, verdict: Verdict = Verdict.FAIL) -> Finding:
    """The one finding that is not well."""
    assert [name for name, finding in found.items() if finding.verdict is not Verdict.OK] == [check]
    assert found[check].verdict is verdict
    assert found[check].hint
    return found[check]


def test_a_node_that_is_offline_is_asked_nothing(examined: Examine) -> None:
    found = examined(cluster__resources=[{**NODE, "status": "offline"}, LOCAL, SSD])
    assert _ill(found, "node pve").message == "is offline"
    assert "storage local on pve" not in found
    assert "VMIDs" in found


def test_a_node_of_another_name(examined: Examine) -> None:
    found = examined(cluster__resources=[{**NODE, "node": "other"}])
    assert _ill(found, "node pve").message == "there is no such node; there are: other"


def test_a_storage_that_is_not_there(examined: Examine) -> None:
    finding = _ill(examined(cluster__resources=[NODE, LOCAL]), "storage ssd on pve")
    assert finding.message == "there is no such storage; there are: local"


def test_a_storage_of_another_node_only(examined: Examine) -> None:
    finding = _ill(examined(cluster__resources=[NODE, LOCAL, {**SSD, "node": "other"}]), "storage ssd on pve")
    assert finding.message == "is not on this node, but on other"


def test_a_storage_that_is_away(examined: Examine) -> None:
    finding = _ill(examined(cluster__resources=[NODE, LOCAL, {**SSD, "status": "unknown"}]), "storage ssd on pve")
    assert "pvesm status" in finding.hint


def test_a_storage_without_the_content_type(examined: Examine) -> None:
    finding = _ill(
        examined(cluster__resources=[NODE, {**LOCAL, "content": "iso,backup"}, SSD]), "storage local on pve"
    )
    assert finding.message == "does not take import; it takes backup, iso"
    assert "pvesm set local --content backup,import,iso" in finding.hint
    assert "Datacenter → Storage → local → Edit → Content" in finding.hint


def test_a_storage_that_can_never_take_files(examined: Examine) -> None:
    thin = {**LOCAL, "plugintype": "lvmthin", "content": "images"}
    finding = _ill(examined(cluster__resources=[NODE, thin, SSD]), "storage local on pve")
    assert "pvesm set" not in finding.hint
    assert "holds disks only" in finding.hint


def test_a_full_storage(examined: Examine) -> None:
    full = {**LOCAL, "disk": 100 * GiB - MiB}
    assert _ill(examined(cluster__resources=[NODE, full, SSD]), "storage local on pve").message.startswith("is full")


def test_a_storage_that_may_become_full(examined: Examine) -> None:
    tight = {**SSD, "disk": 98 * GiB}
    finding = _ill(examined(cluster__resources=[NODE, LOCAL, tight]), "storage ssd on pve", Verdict.WARN)
    assert finding.message == "has 2.0 GiB free; the disks still to be made can grow to 10 GiB"


def test_a_machine_that_is_there_needs_no_more_room(examined: Examine) -> None:
    ours = {"type": "qemu", "vmid": 100, "node": "pve", "name": "a", "tags": "homeprod-11111111"}
    found = examined(cluster__resources=[NODE, LOCAL, {**SSD, "disk": 98 * GiB}, ours])
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert found["VMIDs"].message == "0 are free, 1 are this site's"


def test_a_machine_whose_tag_was_taken_off_is_known_by_its_note(examined: Examine) -> None:
    bare = {"type": "qemu", "vmid": 100, "node": "pve", "name": "a"}
    note = render_note(Mark(SITE, Address("vm", "a"), 100, "nonce"), "")
    pending = [{"key": "description", "value": note}]
    found = examined(cluster__resources=[NODE, LOCAL, SSD, bare], nodes__pve__qemu__100__pending=pending)
    assert found["VMIDs"].message == "0 are free, 1 are this site's"


@pytest.mark.parametrize("kind", ["qemu", "lxc"])
def test_a_vmid_that_a_stranger_holds(kind: str, examined: Examine) -> None:
    stranger = {"type": kind, "vmid": 100, "node": "pve", "name": "nas"}
    found = examined(cluster__resources=[NODE, LOCAL, SSD, stranger], nodes__pve__qemu__100__pending=[])
    assert "'nas' on pve, which is not this site's" in _ill(found, "VMID 100 (vm/a)").message


def test_a_bridge_that_is_not_there(examined: Examine) -> None:
    finding = _ill(examined(nodes__pve__network=[{"iface": "vmbr1"}]), "bridge vmbr0 on pve")
    assert finding.message == "there is no such bridge; there are: vmbr1"


def test_bridges_that_cannot_be_seen(examined: Examine) -> None:
    found = examined(nodes__pve__network=Answer(501))
    assert found["bridge vmbr0 on pve"].verdict is Verdict.SKIP
    less = {**EVERYTHING, "/": {"Sys.Audit": 1, "Sys.AccessNetwork": 1}}
    found = examined(nodes__pve__network=[], access__permissions=less)
    assert found["bridge vmbr0 on pve"].verdict is Verdict.SKIP
    assert "SDN.Use" in found["rights"].message


@pytest.mark.parametrize(
    ("seconds", "words"), [(95, "is 95 s ahead of this machine's"), (-95, "is 95 s behind this machine's")]
)
def test_clocks_that_differ(seconds: int, words: str, examined: Examine) -> None:
    finding = _ill(examined(nodes__pve__time={"time": NOW + seconds}), "clock of pve", Verdict.WARN)
    assert finding.message == words


def test_clocks_that_differ_a_little(examined: Examine) -> None:
    assert examined(nodes__pve__time={"time": NOW + 29})["clock of pve"].verdict is Verdict.OK


def test_a_certificate_that_runs_out(examined: Examine) -> None:
    found = examined()
    assert ", valid until 20" in found["certificate"].message
    finding = _ill(examined(now=int(time.time())), "certificate", Verdict.WARN)
    assert "pvecm updatecerts" in finding.hint


@pytest.mark.parametrize(("version", "words"), [("7.4-3", "too old"), ("8.3.5", "too old"), ("10.0.1", "newer than")])
def test_a_version_that_is_not_supported(version: str, words: str, examined: Examine) -> None:
    found = examined(version={"version": version, "release": ".".join(version.split("-")[0].split(".")[:2])})
    assert found["version"].verdict is Verdict.FAIL
    assert words in found["version"].message
    assert found["rights"].verdict is Verdict.SKIP  # what that release's rights are is not known
    assert found["node pve"].verdict is Verdict.OK


def test_something_that_is_not_proxmox(examined: Examine) -> None:
    found = examined(version=Answer(body=b"<html>"))
    assert [*found] == ["connection", "the rest"]
    assert "not Proxmox VE" in found["connection"].message


def test_a_list_that_cannot_be_read(examined: Examine) -> None:
    found = examined(cluster__resources=Answer(500, reason="cluster broken"))
    assert "cluster broken" in found["resources"].message
    assert found["resources"].verdict is Verdict.FAIL


def test_what_fails_on_the_way_does_not_end_it(examined: Examine) -> None:
    broken = Answer(500, reason="broken")
    stranger = {"type": "qemu", "vmid": 100, "node": "pve", "name": "nas"}
    found = examined(
        access__permissions=broken,
        nodes__pve__time=broken,
        nodes__pve__network=broken,
        cluster__resources=[NODE, LOCAL, SSD, stranger],
        nodes__pve__qemu__100__pending=broken,
    )
    failed = {name for name, finding in found.items() if finding.verdict is Verdict.FAIL}
    assert failed == {"rights", "clock of pve", "bridges of pve", "VMID 100 (vm/a)"}
    assert found["storage ssd on pve"].verdict is Verdict.OK
