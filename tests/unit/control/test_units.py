"""The units: hardened by a list, understood by systemd itself, without a secret."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeprod.control.runs.workplace import find_room
from homeprod.control.settings import EnvironmentSettings
from homeprod.control.units import CONFINED, PYTHON, list_services, render_units
from homeprod.core.secret import find_secret

ENVIRONMENTS = [EnvironmentSettings(name=name, branch=name, user=f"homeprod-{name}") for name in ("lab", "prod")]
UNITS = render_units(ENVIRONMENTS)
SERVICES = [name for name in UNITS if name.endswith(".service")]
OF_ALL = (
    *(
        "NoNewPrivileges",
        "ProtectHome",
        "ProtectClock",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
    ),
    *("ProtectKernelTunables", "ProtectControlGroups", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"),
    *("RestrictRealtime", "RestrictSUIDSGID", "LockPersonality"),
)
EXPOSURE = {"homeprod-keyholder.service": 20, "homeprod-control.service": 20, "homeprod-compile.service": 20}
"""The most that `systemd-analyze security` may find, of 100."""


def read_directives(name: str) -> dict[str, str]:
    """Of a unit; each stands there once."""
    lines = re.findall(r"^(\w+)=(.*)$", UNITS[name], re.MULTILINE)
    assert len(lines) == len({directive for directive, _ in lines}), name
    return dict(lines)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    directives = read_directives(name)
    assert {one: directives.get(one) for one in OF_ALL} == dict.fromkeys(OF_ALL, "yes")
    assert directives["ProtectSystem"] == "strict"
    assert directives["ProtectProc"] == "invisible"
    assert directives["SystemCallFilter"] == "@system-service"
    assert directives["SystemCallArchitectures"] == "native"
    # What is compiled is read by the users of the runs.
    umask = "0022" if name == "homeprod-compile.service" else "0077"
    assert (directives["UMask"], directives["LimitCORE"]) == (umask, "0")
    assert set(directives["RestrictAddressFamilies"].split()) <= {"AF_UNIX", "AF_INET", "AF_INET6"}


def test_the_keyholder_has_no_network_no_swap_and_no_capability_but_these() -> None:
    directives = read_directives("homeprod-keyholder.service")
    assert directives["RestrictAddressFamilies"] == "AF_UNIX"
    assert (directives["PrivateNetwork"], directives["MemoryDenyWriteExecute"]) == ("yes", "yes")
    assert (directives["MemorySwapMax"], directives["LimitMEMLOCK"]) == ("0", "infinity")
    # as few as tests/unit/control/keyholder/test_confinement.py proves to be enough
    capabilities = {one.removeprefix("CAP_").lower() for one in CONFINED["CapabilityBoundingSet"].split()}
    assert capabilities == {"chown", "dac_override", "fowner", "ipc_lock", "kill", "setgid", "setuid"}
    assert "User" not in directives


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "homeprod-keyholder.service"])
def test_no_other_service_has_a_capability(name: str) -> None:
    assert read_directives(name)["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize(("result", "is_left"), [("success", True), ("signal", False), ("oom-kill", False)])
def test_what_a_killed_worker_left_is_cleared_at_once(tmp_path: Path, result: str, is_left: bool) -> None:
    command = read_directives("homeprod-run-lab@.service")["ExecStopPost"]
    words = shlex.split(command.replace("$$", "$").replace(PYTHON, sys.executable))
    assert words[0] == "/bin/sh"
    (tmp_path / "lab-proxy").mkdir()
    env = {**os.environ, "SERVICE_RESULT": result, "RUNTIME_DIRECTORY": str(tmp_path)}
    subprocess.run(words, env=env, check=True, timeout=60)
    assert (tmp_path / "lab-proxy").exists() == is_left


def test_runs_of_each_environment_are_users_of_their_own() -> None:
    assert {name: read_directives(f"homeprod-run-{name}@.service")["User"] for name in ("lab", "prod")} == {
        "lab": "homeprod-lab",
        "prod": "homeprod-prod",
    }
    run = read_directives("homeprod-run-lab@.service")
    assert (run["MemorySwapMax"], run["KillMode"], run["StandardInput"]) == ("0", "control-group", "socket")
    assert (run["StandardOutput"], run["StandardError"]) == ("journal", "journal")
    socket = read_directives("homeprod-run-lab.socket")
    assert (socket["SocketUser"], socket["SocketMode"], socket["Accept"]) == ("homeprod", "0600", "yes")


def test_the_rooms_of_runs_are_made_where_the_workers_look_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start of the machine: else a run of one environment could take the name of another's, and keep it."""
    made = {words[1]: words[2:5] for line in UNITS["homeprod.conf"].splitlines() if (words := line.split())}
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    monkeypatch.setattr(Path, "lstat", lambda _: SimpleNamespace(st_uid=os.getuid(), st_mode=0o40700))
    for user in ("homeprod-lab", "homeprod-prod"):
        monkeypatch.setattr(pwd, "getpwuid", lambda _, user=user: SimpleNamespace(pw_name=user))
        assert made[str(find_room())] == ["0700", user, user]


def test_what_starts_with_the_machine() -> None:
    assert list_services(UNITS) == [
        "homeprod-keyholder.service",
        "homeprod-control.service",
        "homeprod-compile.service",
        "homeprod-run-lab.socket",
        "homeprod-run-prod.socket",
    ]


@pytest.mark.parametrize("name", UNITS)
def test_no_unit_holds_a_secret(name: str) -> None:
    assert find_secret(UNITS[name]) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as files, with a program in Python's place that is there on every machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    folder = tmp_path_factory.mktemp("units")
    for name, text in UNITS.items():
        (folder / name).write_text(text.replace(PYTHON, "/bin/true"))
    return folder


def test_systemd_understands_every_line(folder: Path) -> None:
    files = [str(folder / name.replace("@", "@1")) for name in UNITS if not name.endswith(".conf")]
    for name in UNITS:
        if "@" in name:
            (folder / name.replace("@", "@1")).symlink_to(folder / name)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, timeout=60
    )
    assert [line for line in done.stderr.splitlines() if str(folder) in line] == []


@pytest.mark.parametrize("name", EXPOSURE)
def test_systemd_finds_little_exposed(folder: Path, name: str) -> None:
    argv = ["systemd-analyze", "security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE[name]}"]
    done = subprocess.run([*argv, str(folder / name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
