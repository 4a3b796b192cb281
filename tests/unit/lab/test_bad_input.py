"""What people get wrong with labs: one clear error each, the next step, a non-zero exit, nothing half-made."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tests.unit.lab.conftest import Run

from homeprod.cli.main import main
from homeprod.lab import host
from homeprod.lab.folder import LabFolder, find_folder
from homeprod.lab.spec import LabSpec

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


@pytest.fixture
def says(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that must fail; what it said on stderr, its first line apart."""

    def call(*arguments: str, code: int = 1) -> tuple[str, str]:  # type: ignore[override]
        capsys.readouterr()
        assert run(*arguments) == code
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert said.out == ""
        lines = said.err.splitlines()
        first = next(number for number, line in enumerate(lines) if line.startswith("error: "))
        return lines[first], "\n".join(lines[first + 1 :])

    return call  # type: ignore[return-value]


def make_lab(name: str = "p", *, boots: bool = False) -> Path:
    lab = find_folder(name)
    lab.path.mkdir(parents=True)
    LabSpec(name, boot=boots).write(lab.spec_file)
    return lab.path


def add_machine(state: Path, vmid: int, name: str) -> None:
    file = state / "nodes" / "pve" / "qemu-server" / f"{vmid}.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"name: {name}\n")


def nothing_was_made(tmp_path: Path) -> bool:
    return not list((tmp_path / "state").rglob("*.json")) and not (tmp_path / "state/homeprod/labs/p").exists()


def test_no_root(says: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    error, hint = says("lab", "up", "p")
    assert error == "error: a lab that boots machines makes a network namespace, and that needs root"
    assert '\n    sudo "$(command -v homeprod)" lab up p\n' in hint
    assert "\n    homeprod lab up p --no-boot" in hint
    assert nothing_was_made(tmp_path)


def test_a_program_is_missing(says: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    error, hint = says("lab", "up", "p")
    assert error.startswith("error: not installed: qemu-system-x86_64, qemu-img, dnsmasq, ")
    assert "apt install qemu-system-x86 qemu-utils dnsmasq-base iproute2 util-linux" in hint
    assert nothing_was_made(tmp_path)


def test_what_builds_an_image_is_missed_only_where_one_must_be_built(
    says: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "find_missing_programs", lambda: ["mmdebstrap"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    error, hint = says("--site", str(PEGASUS), "lab", "up", "p")
    assert "mmdebstrap" in error
    assert "mmdebstrap" in hint


def test_no_disk_space(says: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "API_DISK_NEED", 2**62)
    error, hint = says("lab", "up", "p", "--no-boot")
    assert "MiB of disk free" in error
    assert "XDG_STATE_HOME" in hint
    assert nothing_was_made(tmp_path)


def test_no_memory(says: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "_check_programs", lambda _: None)
    monkeypatch.setattr(host, "_check_namespaces", lambda _: None)
    monkeypatch.setattr(host, "_read_memory", lambda _: 100 * 1024**2)
    error, hint = says("lab", "up", "p")
    assert error == "error: 100 MiB of memory available, one machine needs 768 MiB"
    assert "--no-boot" in hint
    assert nothing_was_made(tmp_path)


def test_the_port_is_taken(says: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error, hint = says("lab", "up", "p", "--no-boot", "--port", str(port))
    assert error == f"error: 127.0.0.1:{port}: port {port} is taken"
    assert "--port" in hint
    assert nothing_was_made(tmp_path)


@pytest.mark.parametrize("port", ["x", "-1", "65536"])
def test_no_port(says: Run, port: str) -> None:
    error, _ = says("lab", "up", "p", f"--port={port}", code=64)
    assert "--port" in error


@pytest.mark.parametrize("command", [["down"], ["status"], ["console", "web"], ["ssh", "web"]])
def test_an_unknown_lab(says: Run, command: list[str]) -> None:
    error, hint = says("lab", command[0], "p", *command[1:])
    assert "there is no lab p" in error
    assert "homeprod lab up p" in hint


def test_a_lab_by_a_name_that_is_nearly_right(says: Run) -> None:
    make_lab("demo")
    error, hint = says("lab", "status", "demmo")
    assert "there is no lab demmo" in error
    assert "is demo meant?" in hint
    assert "there is: demo" in says("lab", "status", "other")[1]


@pytest.mark.parametrize("arguments", [["lab"], ["lab", "up"], ["lab", "nonsense"], ["lab", "up", "../x"]])
def test_wrong_usage(says: Run, arguments: list[str]) -> None:
    says(*arguments, code=64)


def test_a_lab_that_is_not_up_takes_no_commands(says: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is brought up as it was made: without a boot nobody needs root."""
    for name, boots, user, call in (
        ("p", False, 1000, "homeprod lab up p --no-boot"),
        ("q", True, 1000, 'sudo "$(command -v homeprod)" lab up q'),
        ("r", True, 0, "homeprod lab up r"),
    ):
        make_lab(name, boots=boots)
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        error, hint = says("--site", str(PEGASUS), "--lab", name, "plan")
        assert error == f"error: lab {name} is not up"
        assert hint == f"  bring it up:\n\n    {call}"


def test_who_called_by_sudo_is_told_to_do_so_again(says: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lab()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "sean")
    _, hint = says("--site", str(PEGASUS), "--lab", "p", "plan")
    assert hint == '  bring it up:\n\n    sudo "$(command -v homeprod)" lab up p --no-boot'


def test_a_lab_that_boots_nothing_is_entered_by_nobody(says: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root would not help: which lab would, is told instead."""
    make_lab()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(LabFolder, "read_url", lambda _: "https://127.0.0.1:1")
    error, hint = says("lab", "outside", "p", "true")
    assert "lab p boots nothing (--no-boot), so it has no LAN" in error
    assert '\n    sudo "$(command -v homeprod)" lab up NAME' in hint


def test_a_site_that_was_named_and_is_none(says: Run, tmp_path: Path) -> None:
    error, _ = says("--site", str(tmp_path), "lab", "up", "p", "--no-boot", code=64)
    assert "no site here" in error


@pytest.mark.parametrize("command", ["console", "ssh"])
def test_a_machine_that_is_not_there(says: Run, command: str) -> None:
    state = make_lab(boots=True)
    error, hint = says("lab", command, "p", "web")
    assert error == "error: lab p has no machine web"
    assert "homeprod --lab p apply" in hint
    add_machine(state, 100, "files")
    add_machine(state, 101, "mail")
    _, hint = says("lab", command, "p", "web")
    assert "there are: files, mail" in hint


@pytest.mark.parametrize("command", ["console", "ssh"])
def test_a_machine_that_does_not_run(says: Run, command: str) -> None:
    add_machine(make_lab(boots=True), 100, "web")
    error, hint = says("lab", command, "p", "web")
    assert error == "error: lab p: web does not run"
    assert "serial/100.log" in hint


@pytest.mark.parametrize("command", ["console", "ssh"])
def test_a_machine_of_a_lab_that_boots_nothing(says: Run, command: str) -> None:
    add_machine(make_lab(), 100, "web")
    error, _ = says("lab", command, "p", "100")
    assert "boots nothing (--no-boot)" in error


def test_two_machines_of_one_name(says: Run) -> None:
    state = make_lab(boots=True)
    add_machine(state, 100, "web")
    add_machine(state, 101, "web")
    error, hint = says("lab", "console", "p", "web")
    assert "several machines are named web" in error
    assert "100, 101" in hint


@pytest.mark.parametrize(("boots", "flag"), [(True, "--no-boot"), (False, "--boot")])
def test_a_lab_with_disks_keeps_its_kind(says: Run, boots: bool, flag: str) -> None:
    make_lab(boots=boots)
    _, hint = says("lab", "up", "p", flag)
    assert "homeprod lab down p --disks" in hint


def test_a_lab_with_machines_of_another_site(says: Run) -> None:
    add_machine(make_lab(), 100, "web")
    error, hint = says("--site", str(PEGASUS), "lab", "up", "p")
    assert error == "error: lab p holds machines of another site (on pve)"
    assert "homeprod lab down p --disks" in hint


def test_no_root_to_take_down_what_root_made(says: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lab(boots=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    _, hint = says("lab", "down", "p")
    assert 'sudo "$(command -v homeprod)" lab down p' in hint


def test_a_lab_whose_description_is_broken_can_be_removed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    state = make_lab()
    (state / "lab.json").write_text("{")
    if os.geteuid() != 0:
        pytest.skip("it may have been a lab that boots machines: only root can look")
    assert main(["lab", "down", "p"]) == 1
    assert main(["lab", "down", "p", "--disks"]) == 0
    assert not state.exists()
