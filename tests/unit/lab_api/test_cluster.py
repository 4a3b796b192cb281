"""A lab of several nodes: one that is off, and machines that HA keeps, answered as Proxmox does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.spec import LabSpec


@pytest.fixture
def lab() -> Iterator[LabServer]:
    with LabServer(LabSpec("test", boot=False, nodes=("pve", "pve2"))) as lab:
        yield lab


@pytest.fixture
def client(lab: LabServer) -> Client:
    return Client(lab)


def find(client: Client, kind: str, **values: Any) -> dict[str, Any]:
    (found,) = [
        item
        for item in client.get("/cluster/resources")
        if item["type"] == kind and all(item.get(key) == value for key, value in values.items())
    ]
    return dict(found)


def test_of_a_node_that_is_off_only_what_the_cluster_holds_is_known(lab: LabServer, client: Client) -> None:
    client.create(100, name="a", tags="x")
    client.run("POST", "/nodes/pve2/qemu", vmid=101, name="b", tags="y")
    lab.do(lambda hypervisor: hypervisor.offline.add("pve2"))
    assert find(client, "node", node="pve2")["status"] == "offline"
    assert find(client, "qemu", vmid=101) == {
        "id": "qemu/101",
        "type": "qemu",
        "vmid": 101,
        "node": "pve2",
        "status": "unknown",
        "tags": "y",
    }
    assert find(client, "qemu", vmid=100)["name"] == "a"
    assert find(client, "storage", node="pve2", storage="local")["status"] == "unknown"
    assert [node["online"] for node in client.get("/cluster/status") if node["type"] == "node"] == [1, 0]
    lab.do(lambda hypervisor: hypervisor.offline.clear())
    assert find(client, "qemu", vmid=101)["name"] == "b"


@pytest.mark.parametrize("path", ["/qemu", "/qemu/101/config", "/storage/local/content", "/status", "/tasks"])
def test_calls_to_a_node_that_is_off_do_not_reach_it(path: str, lab: LabServer, client: Client) -> None:
    lab.do(lambda hypervisor: hypervisor.offline.add("pve2"))
    with pytest.raises(ValueError, match="Expecting value"):  # the proxy's answer is no JSON
        client.call("GET", f"/nodes/pve2{path}")
    assert lab.calls[-1].status == 595
    assert client.call("GET", "/nodes/pve/status").status == 200


def test_a_call_only_asks_ha_which_acts_later(lab: LabServer, client: Client) -> None:
    def keep(hypervisor: Hypervisor) -> None:
        hypervisor.ha.managed.add(100)
        hypervisor.ha.seconds = 0.1

    client.create(100)
    lab.do(keep)
    assert find(client, "qemu", vmid=100)["hastate"] == "started"
    assert client.run("POST", "/nodes/pve/qemu/100/status/start") == "OK"
    assert client.get("/nodes/pve/qemu/100/status/current")["status"] == "stopped"
    deadline = time.monotonic() + 20
    while client.get("/nodes/pve/qemu/100/status/current")["status"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [task["type"] for task in client.get("/nodes/pve/tasks")][:2] == ["qmstart", "hastart"]
    lab.power_off(100)
    refused = client.call("DELETE", "/nodes/pve/qemu/100")
    assert refused.reason == "unable to remove VM 100 - used in HA resources and purge parameter not set."
    assert client.run("DELETE", "/nodes/pve/qemu/100", purge=1) == "OK"
