"""doctor through the command line, over the lab's API."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from tests.lab_server import LabServer

from homeprod.cli.main import main
from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
from homeprod.lab.spec import LabSpec, StorageSpec

PEGASUS = Path(__file__).parents[2] / "examples" / "pegasus"
STORAGES = (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd"))
Capture = pytest.CaptureFixture[str]


def _spec(version: str = "9.2.3", storages: tuple[StorageSpec, ...] = STORAGES) -> LabSpec:
    return LabSpec("pegasus", boot=False, version=version, nodes=("proxmox-1",), storages=storages)


def _reach(lab: LabServer, monkeypatch: pytest.MonkeyPatch, token: str = "") -> None:
    monkeypatch.setenv("HOMEPROD_ENDPOINT", lab.url)
    monkeypatch.setenv("HOMEPROD_TOKEN", token or lab.token)
    monkeypatch.setenv("HOMEPROD_CA_FILE", str(lab.ca_file))


def _doctor(*arguments: str) -> int:
    return main(["--site", str(PEGASUS), "doctor", *arguments])


def test_a_cluster_that_is_fit(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with LabServer(_spec()) as lab:
        _reach(lab, monkeypatch)
        assert _doctor() == 0
        said = capsys.readouterr()
        assert lab.written() == []
    assert "ok    storage local-hdd on proxmox-1: takes images, import, iso; 512 GiB free\n" in said.out
    assert "ok    VMIDs: 8 are free, 0 are this site's\n" in said.out
    assert said.out.endswith("\n\n10 ok, 1 skip\n")
    assert said.err.startswith("examining https://127.0.0.1:")


def test_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with LabServer(_spec()) as lab:
        _reach(lab, monkeypatch)
        assert _doctor("--json") == 0
    findings = json.loads(capsys.readouterr().out)
    assert {*findings[0]} == {"check", "verdict", "message", "hint"}
    assert {finding["verdict"] for finding in findings} == {"ok", "skip"}


def _read_grants(lines: list[str]) -> dict[str, set[str]]:
    """The privileges by path that ``pveum`` lines give."""
    roles: dict[str, set[str]] = {}
    granted: dict[str, set[str]] = {}
    for line in lines:
        if found := re.fullmatch(r'pveum role add (\w+) --privs "([^"]+)"', line):
            roles[found[1]] = {*found[2].split()}
        elif found := re.fullmatch(r"pveum acl modify (\S+) --users homeprod@pve --roles (\w+)", line):
            granted.setdefault(found[1], set()).update(roles[found[2]])
    return granted


@pytest.mark.parametrize("version", ["8.4.14", "9.2.3"])
def test_the_role_it_prints_is_enough(version: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert _doctor("--role", "--json") == 0
    grants = _read_grants(json.loads(capsys.readouterr().out)[version[0]])
    assert {*grants} >= {"/vms", "/storage/local-hdd", "/storage/local-nvme", "/nodes/proxmox-1", "/"}
    with LabServer(_spec(version)) as lab:
        _reach(lab, monkeypatch, lab.add_token("least", grants))
        assert _doctor() == 0
        said = capsys.readouterr().out
        assert "ok    rights: the token may do all that this site needs" in said
        assert "ok    clock of proxmox-1" in said


def test_each_privilege_of_the_role_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _doctor("--role", "--json")
    grants = _read_grants(json.loads(capsys.readouterr().out)["9"])
    with LabServer(_spec()) as lab:
        for number, privilege in enumerate(sorted(set().union(*grants.values()))):
            # Sys.Audit and Sys.Modify on / allow downloads as well as Sys.AccessNetwork on the node does.
            without = {privilege, "Sys.Modify"} if privilege == "Sys.AccessNetwork" else {privilege}
            less = {path: names - without for path, names in grants.items()}
            _reach(lab, monkeypatch, lab.add_token(f"less{number}", less))
            assert _doctor() == 1
            said = capsys.readouterr().out
            assert f"fail  rights: root@pam!less{number} lacks {privilege} on /" in said
            assert f'--append 1 --privs "{privilege}"\n' in said


def test_the_role_is_printed_to_be_copied(capsys: Capture) -> None:
    assert _doctor("--role", "--user", "ops@pve", "--token-id", "laptop") == 0
    said = capsys.readouterr().out
    assert "# on a node of Proxmox VE 8, as root:\npveum user add ops@pve\n" in said
    assert "# on a node of Proxmox VE 9, as root:\n" in said
    assert said.count("pveum user token add ops@pve laptop --privsep 0") == 2
    assert "ops@pve!laptop=SECRET" in said


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_where_no_token_is_there_yet(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    monkeypatch.delenv("HOMEPROD_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _doctor(*arguments) == 1
    said = capsys.readouterr().out
    assert "no API token is given" in said
    assert "doctor --role" in said
    assert ("pveum user add" in said) is not bool(arguments)


def test_a_token_of_a_user_without_rights(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with LabServer(_spec()) as lab:
        _reach(lab, monkeypatch, lab.add_token("bare", {}))
        assert _doctor() == 1
    said = capsys.readouterr().out
    assert "fail  rights: root@pam!bare may do nothing at all" in said
    assert "pveum user token modify root@pam bare --privsep 0" in said
    assert said.count("fail  ") == 1  # what follows from it is not told as further failures


def test_a_cluster_that_is_not_fit(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    storages = (StorageSpec("local-hdd", content=("images", "iso")),)
    with LabServer(_spec(storages=storages)) as lab:
        _reach(lab, monkeypatch)
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            cluster.wait(cluster.create_machine("proxmox-1", 4001021, {"name": "stranger"}))
        assert _doctor() == 1
    said = capsys.readouterr().out
    assert "fail  storage local-hdd on proxmox-1: does not take import; it takes images, iso" in said
    assert "pvesm set local-hdd --content images,import,iso" in said
    assert "fail  storage local-nvme on proxmox-1: there is no such storage; there are: local-hdd" in said
    assert "fail  VMID 4001021 (vm/lab-coder): is held by the machine 'stranger' on proxmox-1" in said


def test_another_node(monkeypatch: pytest.MonkeyPatch, capsys: Capture, lab_server: LabServer) -> None:
    _reach(lab_server, monkeypatch)
    assert _doctor() == 1
    assert "fail  node proxmox-1: there is no such node; there are: pve" in capsys.readouterr().out


def test_one_of_two_endpoints_is_dead(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with LabServer(_spec()) as lab:
        _reach(lab, monkeypatch)
        monkeypatch.setenv("HOMEPROD_ENDPOINT", f"https://127.0.0.1:9,{lab.url}")
        assert _doctor() == 0
        said = capsys.readouterr()
        assert f"ok    connection: {lab.url} answers" in said.out
        assert "warn  endpoint https://127.0.0.1:9: does not answer: cannot look at the certificate" in said.out
        assert f"ok    certificate of {lab.url}: known by the CA file" in said.out


def test_a_user_who_logs_in(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with LabServer(_spec()) as lab:
        _reach(lab, monkeypatch)
        monkeypatch.delenv("HOMEPROD_TOKEN")
        monkeypatch.setenv("HOMEPROD_USER", "root@pam")
        monkeypatch.setattr("homeprod.wiring.getpass", lambda _: lab.password)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        assert _doctor() == 0
        said = capsys.readouterr()
        assert "ok    token: root@pam is accepted" in said.out
        assert lab.password not in said.out + said.err
        monkeypatch.setattr("homeprod.wiring.getpass", lambda _: "wrong")
        assert _doctor() == 1
        assert "the log-in of root@pam is not accepted" in capsys.readouterr().out


def test_a_running_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """``--lab`` brings endpoint, token and certificate with it; the environment's count for nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOMEPROD_ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.delenv("HOMEPROD_TOKEN", raising=False)
    site = ["--site", str(PEGASUS)]
    try:
        assert main([*site, "lab", "up", "doctor", "--no-boot"]) == 0
        capsys.readouterr()
        assert main([*site, "--lab", "doctor", "doctor"]) == 0
        assert "ok    storage local-hdd on proxmox-1" in capsys.readouterr().out
    finally:
        assert main(["lab", "down", "doctor", "--disks"]) == 0
    assert main([*site, "--lab", "doctor", "doctor"]) == 1
    assert "homeprod lab up doctor" in capsys.readouterr().err
