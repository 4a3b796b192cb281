"""A cluster of three nodes, with all that happens to one: a node off, a machine moved, an endpoint dead."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab_server import InjectedFault
from tests.passage import Passage
from tests.system.cluster_lab import (
    ANSIBLE,
    CODER,
    KEYS,
    SECOND,
    THIRD,
    WIKI,
    list_machines,
    move,
    open_cluster_lab,
    switch,
)
from tests.system.site_lab import NODE, SiteLab

from homeprod.lab.api.server import Received
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.document import print_document

AWAY = {"vm/lab-ansible", "data-vm/lab-ansible-data", "vm/lab-wiki"}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[SiteLab]:
    with open_cluster_lab(tmp_path, monkeypatch, capsys) as lab:
        yield lab


@pytest.fixture
def made(cluster: SiteLab) -> SiteLab:
    assert cluster.apply() == 0
    assert cluster.actions() == []
    return cluster


def list_words(plan: dict[str, Any], kind: str) -> dict[str, str]:
    return {entry["address"]: entry["message"] for entry in plan[kind]}


def test_a_node_off_a_machine_moved_and_an_endpoint_dead(made: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    with Passage(made.lab.port) as first:
        monkeypatch.setenv("HOMEPROD_ENDPOINT", f"{first.url},{made.lab.url}")
        assert made.run("plan")[0] == 0
        before = list_machines(made)[KEYS]

        first.shut()
        switch(made, SECOND, on=False)
        made.lab.do(lambda hypervisor: move(hypervisor, CODER, NODE))
        made.edit("lab_feed_vm", 'tags={"coder", ', 'tags={"feed", ')

        code, out, err = made.run("plan")
        assert code == 2
        assert err == f"{first.url}: cannot connect: Connection refused; going on with {made.lab.url}\n"
        assert f"? vm/lab-wiki  VMID {WIKI}: unknown: it is on the node {SECOND}, which is offline\n" in out
        assert f"* vm/lab-coder: is on the node {NODE}, the site says {THIRD}; it stays there" in out
        assert out.count("pvecm status") == 1
        assert out.endswith("\n1 to update; 3 machines unknown, and left alone\n")

        plan = made.plan()
        assert {(change["action"], change["address"]) for change in plan["changes"]} == {("update", "vm/lab-feed")}
        assert plan["conflicts"] == []
        assert {*list_words(plan, "unknown")} == AWAY
        assert {entry["node"] for entry in plan["unknown"]} == {SECOND}
        notices = list_words(plan, "notices")
        assert notices[f"endpoint/127.0.0.1:{first.port}"].endswith(f"Connection refused; {made.lab.url} is used")
        assert "the site says proxmox-3" in notices["vm/lab-coder"]

        states = {row["name"]: row["state"] for row in json.loads(made.run("status", "--json")[1])["machines"]}
        assert {name for name, state in states.items() if state == "unknown"} == {a.partition("/")[2] for a in AWAY}
        assert states["lab-coder"] == "running"

        made.lab.forget_calls()
        code, _, err = made.run("apply", "--yes", "--no-wait")
        assert code == 3  # not all is as the site says, and nobody can tell
        names = "data-vm/lab-ansible-data, vm/lab-ansible, vm/lab-wiki"
        assert f"not finished: {names}: unknown: it is on the node {SECOND}, which is offline" in err
        written = [call.path for call in made.lab.written() if not call.path.startswith("/pools")]  # the lease
        assert written == [f"/nodes/{THIRD}/qemu/4001032/config"]
        code, out, _ = made.run("plan")
        assert code == 1
        assert out.endswith("\nnothing to do; 3 machines unknown, and left alone\n")

        first.open()
        switch(made, SECOND, on=True)
        code, out, err = made.run("plan")
        assert (code, err) == (0, "")
        assert "unknown" not in out
        assert "* vm/lab-coder: is on the node" in out
        made.lab.do(lambda hypervisor: move(hypervisor, CODER, THIRD))
        assert made.run("plan")[1].endswith("\nnothing to do: Proxmox is as the site says\n")
        assert list_machines(made)[KEYS] == before


@pytest.mark.parametrize("verb", ["/qemu", "/upload", "/config"])
def test_an_endpoint_that_dies_in_the_middle_of_a_write_costs_nothing(
    verb: str, cluster: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write has its effect and its answer is lost: it is the engine that looks, and goes on by the other."""
    with Passage(cluster.lab.port) as first:
        monkeypatch.setenv("HOMEPROD_ENDPOINT", f"{first.url},{cluster.lab.url}")

        def on_call(received: Received) -> None:
            if received.method == "POST" and received.path.endswith(verb):
                first.shut()

        cluster.lab.on_call = on_call
        code, _, err = cluster.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
        assert code == 0, err
        assert err.count(f"going on with {cluster.lab.url}") == 1
        assert cluster.actions("--only", "lab-ansible") == []
        owned = cluster.lab.do(lambda lab: [len(lab.catalog.owned_by(vmid)) for vmid in (ANSIBLE, KEYS)])
        assert owned == [1, 1]


def test_each_image_is_brought_once_to_a_shared_storage(cluster: SiteLab) -> None:
    volumes = cluster.lab.do(
        lambda hypervisor: [record.volume for record in hypervisor.catalog.list_storage("local-hdd")]
    )
    cluster.lab.do(lambda hypervisor: [hypervisor.catalog.remove(volume) for volume in volumes])
    images = [change for change in cluster.plan()["changes"] if change["address"].startswith("image/")]
    assert len(images) == len({change["address"] for change in images}) == 2


def test_a_kept_plan_is_stale_when_a_node_went_off_or_came_back(made: SiteLab, tmp_path: Path) -> None:
    made.edit("lab_feed_vm", 'tags={"coder", ', 'tags={"feed", ')
    kept = str(tmp_path / "kept.plan")
    assert made.run("plan", "--out", kept)[0] == 2
    switch(made, SECOND, on=False)
    code, _, err = made.run("apply", "--yes", kept)
    assert code == 1
    assert "what moved since: data-vm/lab-ansible-data, vm/lab-ansible, vm/lab-wiki" in err


def test_nothing_of_a_data_vm_is_destroyed_while_a_node_is_off(made: SiteLab) -> None:
    """Some machine there may have its disks open."""
    switch(made, THIRD, on=False)
    code, _, err = made.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")
    assert code == 1
    assert f"machines on {THIRD} (offline) may use its disks, and cannot be asked; nothing was done" in err
    assert "pvecm status" in err


def test_a_machine_whose_data_vm_is_away_is_not_made_without_it(cluster: SiteLab) -> None:
    cluster.edit("lab_ansible_vm", f"node={SECOND!r},", "")
    assert cluster.apply() == 0
    assert cluster.run("destroy", "--yes", "lab-ansible")[0] == 0
    switch(cluster, SECOND, on=False)
    code, out, _ = cluster.run("plan", "--only", "lab-ansible")
    assert code == 1
    assert f"needs ssh_keys of the data VM {KEYS}, which is on the node {SECOND}, which is offline" in out
    assert cluster.run("apply", "--yes")[0] == 1


def test_a_machine_that_moves_while_it_is_read_is_found(made: SiteLab) -> None:
    def on_call(received: Received) -> None:
        if received.path == f"/nodes/{THIRD}/qemu/{CODER}/pending":
            move(made.lab.hypervisor, CODER, NODE)

    made.lab.on_call = on_call
    plan = made.plan()
    assert plan["changes"] == []
    assert "is on the node proxmox-1" in list_words(plan, "notices")["vm/lab-coder"]


def test_a_node_that_goes_off_while_it_is_read_makes_its_machines_unknown(made: SiteLab) -> None:
    def on_call(received: Received) -> None:
        if received.path.startswith(f"/nodes/{SECOND}/"):
            made.lab.hypervisor.offline.add(SECOND)

    made.lab.on_call = on_call
    plan = made.plan()
    assert plan["changes"] == []
    assert {*list_words(plan, "unknown")} == AWAY


def test_a_machine_that_turns_up_elsewhere_when_it_is_made_is_told_and_left(made: SiteLab) -> None:
    """The list missed it: Proxmox's own check is the last one."""
    hypervisor = made.lab.hypervisor
    machine = hypervisor.machines.find(CODER)
    assert machine is not None
    text = print_document(machine.document)
    made.lab.do(lambda lab: lab.machines.remove(CODER))

    def on_call(received: Received) -> None:
        if (received.method, received.path) == ("POST", f"/nodes/{THIRD}/qemu") and CODER not in hypervisor.machines:
            hypervisor.machines.write_text(CODER, NODE, text)

    made.lab.on_call = on_call
    code, _, err = made.run("apply", "--yes", "--no-wait")
    assert code == 1
    assert f"error: vm/lab-coder: it is on the node {NODE} already" in err
    assert "homeprod plan" in err
    made.lab.on_call = None
    assert made.apply() == 0
    assert made.actions() == []


def test_a_machine_that_moves_while_it_is_destroyed_is_not_called_destroyed(made: SiteLab) -> None:
    """Off its node it is not gone, and its CD is not a leftover."""
    has_moved = threading.Event()

    def move_first(received: Received) -> None:
        if received.method == "DELETE" and received.path.endswith(f"/qemu/{CODER}") and not has_moved.is_set():
            has_moved.set()
            move(made.lab.hypervisor, CODER, NODE)

    made.lab.on_call = move_first
    code, _, said = made.run("destroy", "lab-coder", "--yes")
    assert (code, f"was moved to the node {NODE} meanwhile; it was not destroyed" in said) == (1, True), said
    assert not [call for call in made.lab.written() if call.method == "DELETE" and "/content/" in call.path]
    assert list_machines(made)[CODER][0] == NODE


def test_a_machine_that_ha_keeps_is_waited_for(made: SiteLab) -> None:
    """HA's task ends when the request is queued."""
    made.lab.power_off(CODER)

    def keep(hypervisor: Hypervisor) -> None:
        hypervisor.ha.managed.add(CODER)
        hypervisor.ha.seconds = 0.4

    made.lab.do(keep)
    code, _, err = made.run("apply", "--yes", "--start")
    assert code == 0
    assert "the start is asked for; waiting for it" in err
    states = {row["name"]: row["state"] for row in json.loads(made.run("status", "--json")[1])["machines"]}
    assert states["lab-coder"] == "running"
    made.edit("lab_coder_vm", "number=21,", "number=21, addresses=(30,),")
    code, out, _ = made.run("plan")
    assert code == 1
    assert f"ha-manager remove vm:{CODER}" in out
    (made.root / "modules" / "lab_coder_vm.py").unlink()
    assert made.apply() == 0
    assert made.actions() == []


def test_a_log_in_that_lapses_at_every_call_is_renewed(cluster: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writing call, uploads among them, is refused once with 401, as when the ticket's two hours are over."""
    password = cluster.root / "password"
    password.write_text(cluster.lab.password + "\n")
    password.chmod(0o600)
    place = 'endpoint="https://proxmox.pegasus.invalid:8006"'
    ours = f'endpoint="{cluster.lab.url}", ca_file="{cluster.lab.ca_file}"'
    cluster.edit("_config", place, f'{ours}, user="root@pam", password_file="password"')
    for name in ("HOMEPROD_ENDPOINT", "HOMEPROD_TOKEN", "HOMEPROD_CA_FILE"):
        monkeypatch.delenv(name)
    refused: set[str] = set()

    def on_call(received: Received) -> InjectedFault | None:
        words = f"{received.method} {received.path} {sorted(received.params.items())}"
        if received.method == "GET" or received.path == "/access/ticket" or words in refused:
            return None
        refused.add(words)
        return InjectedFault(status=401, reason="permission denied - invalid PVE ticket")

    cluster.lab.on_call = on_call
    assert cluster.apply("--only", "lab-ansible") == 0
    assert len(refused) >= 4  # an upload, two creations, a disk grown, …
    assert cluster.actions("--only", "lab-ansible") == []
    assert sum(call.path == "/access/ticket" for call in cluster.lab.calls) > len(refused) / 2


def test_a_machine_on_a_node_that_is_off_is_not_said_to_be_gone(made: SiteLab) -> None:
    """Whoever names it is told why nothing can be done; whoever means all is told what is left."""
    switch(made, SECOND, on=False)
    for command in (
        ("destroy", "lab-wiki", "--yes"),
        ("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data"),
        ("forget", "lab-coder", "lab-wiki", "--yes"),
        ("forget", str(WIKI), "--yes"),
        ("adopt", "--disk", "lab-ansible", "scsi0", "--to", "lab-ansible-data", "--label", "x", "--yes"),
    ):
        made.lab.forget_calls()
        code, _, said = made.run(*command)
        assert (code, made.lab.written()) == (1, []), command
        assert f"unknown: it is on the node {SECOND}, which is offline; nothing was done" in said, command
    code, _, said = made.run("forget", "--all", "--yes")
    assert code == 0
    left = [line.partition("  ")[0] for line in said.splitlines() if line.endswith("offline; its marks stay")]
    assert {*left} == AWAY
