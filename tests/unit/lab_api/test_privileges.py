"""A token with few privileges is told which one it lacks, and where."""

from __future__ import annotations

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

CREATE = {"VM.Allocate", "VM.Audit", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Options", "VM.Config.Network"}
STORE = {"Datastore.AllocateSpace"}


def limited(lab: LabServer, **grants: set[str]) -> Client:
    paths = {"/" + path.strip("_").replace("_", "/"): privileges for path, privileges in grants.items()}
    return Client(lab, lab.add_token("few", paths))


def test_nothing_granted_sees_nothing(lab_server: LabServer, client: Client) -> None:
    client.create(100)
    few = limited(lab_server)
    assert few.get("/access/permissions") == {}
    assert [r for r in few.get("/cluster/resources") if r["type"] in ("qemu", "storage")] == []
    answer = few.call("GET", "/nodes/pve/qemu/100/config")
    assert (answer.status, answer.reason) == (403, "Permission check failed (/vms/100, VM.Audit)")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, None),
        ({"cores": 2}, "Permission check failed (/vms/100, VM.Config.CPU)"),
        ({"scsi0": "local-lvm:1"}, None),
        ({"scsi0": "local:1"}, "Permission check failed (/storage/local, Datastore.AllocateSpace)"),
        ({"net0": "virtio,bridge=vmbr0"}, "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"),
        ({"startup": "order=1"}, "Permission check failed (/, Sys.Modify)"),
        ({"ide2": "none,media=cdrom"}, "Permission check failed (/vms/100, VM.Config.CDROM)"),
        ({"serial0": "socket"}, "Permission check failed (/vms/100, VM.Config.HWType)"),
        ({"pool": "none"}, "Permission check failed (pool 'none' does not exist)"),
    ],
)
def test_each_option_asks_for_its_own(lab_server: LabServer, params: dict[str, str], reason: str | None) -> None:
    few = limited(lab_server, vms=CREATE, **{"storage_local-lvm": STORE})
    answer = few.call("POST", "/nodes/pve/qemu", vmid=100, **params)
    assert (answer.status, answer.reason) == ((403, reason) if reason else (200, "OK"))


def test_root_only_options_fail_for_any_token(client: Client) -> None:
    for key, value in (("args", "-foo"), ("lock", "backup"), ("hookscript", "local:snippets/x")):
        answer = client.call("POST", "/nodes/pve/qemu", vmid=100, **{key: value})
        assert (answer.status, answer.reason) == (500, f"only root can set '{key}' config")


def test_a_foreign_volume_needs_rights_on_its_owner(lab_server: LabServer, client: Client) -> None:
    client.create(9100, scsi0="local-lvm:1")
    few = limited(lab_server, vms_100=CREATE, storage={"Datastore.Audit", "Datastore.AllocateSpace"})
    volume = "local-lvm:vm-9100-disk-0"
    answer = few.call("POST", "/nodes/pve/qemu", vmid=100, scsi1=volume)
    assert answer.reason == "Permission check failed (/vms/9100, VM.Config.Disk)"
    lab_server.add_token(
        "more",
        {"/vms/100": frozenset(CREATE), "/vms/9100": {"VM.Config.Disk"}, "/storage": STORE | {"Datastore.Audit"}},
    )
    more = Client(lab_server, "root@pam!more=" + "0" * 32)
    assert more.run("POST", "/nodes/pve/qemu", vmid=100, scsi1=volume) == "OK"


def test_a_pool_grants_to_its_members(lab_server: LabServer, client: Client) -> None:
    client.call("POST", "/pools", poolid="p1")
    few = limited(lab_server, pool_p1={"VM.Allocate", "VM.Audit", "VM.PowerMgmt"})
    assert few.run("POST", "/nodes/pve/qemu", vmid=100, pool="p1") == "OK"
    assert [r["vmid"] for r in few.get("/cluster/resources", type="vm")] == [100]
    assert few.run("POST", "/nodes/pve/qemu/100/status/start") == "OK"


def test_a_deeper_path_replaces_what_is_inherited(lab_server: LabServer, client: Client) -> None:
    client.create(100)
    few = limited(lab_server, vms={"VM.Audit"}, vms_100={"VM.PowerMgmt"})
    assert few.call("GET", "/nodes/pve/qemu/100/config").status == 403


@pytest.mark.parametrize("token", ["root@pam!homeprod=wrong", "root@pam!nobody=x", "x@pve!t=x", "nonsense"])
def test_a_wrong_token_gets_an_empty_401(lab_server: LabServer, token: str) -> None:
    answer = Client(lab_server, token).call("GET", "/version")
    assert (answer.status, answer.reason, answer.data) == (401, "Authentication failed!", None)


def test_downloading_needs_access_to_the_network(lab_server: LabServer) -> None:
    few = limited(lab_server, storage={"Datastore.AllocateTemplate"})
    path = "/nodes/pve/storage/local/download-url"
    answer = few.call("POST", path, content="iso", filename="a.iso", url="http://127.0.0.1:1/a.iso")
    assert answer.status == 403
    more = limited(lab_server, storage={"Datastore.AllocateTemplate"}, nodes_pve={"Sys.AccessNetwork"})
    assert more.call("POST", path, content="iso", filename="a.iso", url="http://127.0.0.1:1/a.iso").status == 200
