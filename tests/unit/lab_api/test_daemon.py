"""The lab as a process of its own: what it writes, how it ends, and what it knows after a kill."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from homeprod.lab.spec import LabSpec, SeedSpec

IMAGE = "local:import/debian-13.qcow2"


@contextlib.contextmanager
def daemon(state: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "homeprod.lab.daemon", str(state)])
    try:
        end = time.monotonic() + 20
        while not is_up(state, process.pid):
            assert process.poll() is None, (state / "daemon.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def is_up(state: Path, pid: int) -> bool:
    file = state / "daemon.json"
    return file.exists() and json.loads(file.read_text())["pid"] == pid


def call(state: Path, method: str, path: str, **params: Any) -> Any:
    url = json.loads((state / "daemon.json").read_text())["url"]
    tls = ssl.create_default_context(cafile=str(state / "ca.pem"))
    connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=tls, timeout=20)
    headers = {"Authorization": f"PVEAPIToken={(state / 'token').read_text().strip()}"}
    body = urlencode(params) if params else None
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, f"/api2/json{path}", body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 200, (response.status, response.reason)
    return json.loads(content)["data"]


def run(state: Path, method: str, path: str, **params: Any) -> str:
    upid = call(state, method, path, **params)
    for _ in range(500):
        status = call(state, "GET", f"/nodes/pve/tasks/{upid}/status")
        if status["status"] == "stopped":
            return str(status["exitstatus"])
        time.sleep(0.02)
    raise AssertionError(upid)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    LabSpec("lab", boot=False, seeds=(SeedSpec(IMAGE, "debian-13"),)).write(tmp_path / "lab.json")
    return tmp_path


def test_it_keeps_its_secrets_to_itself(state: Path) -> None:
    with daemon(state):
        for name in ("token", "password", "server.key"):
            assert stat.S_IMODE((state / name).stat().st_mode) == 0o600, name
        assert (state / "token").read_text().startswith("root@pam!homeprod=")
        secret = (state / "token").read_text().strip().partition("=")[2]
        call(state, "GET", "/version")
    for file in state.rglob("*"):
        if file.is_file() and file.name != "token":
            assert secret.encode() not in file.read_bytes(), file


def test_it_ends_cleanly_on_sigterm(state: Path) -> None:
    with daemon(state) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (state / "daemon.json").exists()


def test_a_killed_lab_comes_back_with_everything(state: Path) -> None:
    with daemon(state) as process:
        made = run(
            state, "POST", "/nodes/pve/qemu", vmid=100, name="web", scsi0=f"local-lvm:0,import-from={IMAGE}", start=1
        )
        assert made == "OK"
        call(state, "PUT", "/nodes/pve/qemu/100/config", cores=3)
        call(state, "POST", "/pools", poolid="p1")
        before = call(state, "GET", "/nodes/pve/qemu/100/config")
        url = json.loads((state / "daemon.json").read_text())["url"]
        upid = call(state, "GET", "/cluster/tasks")[0]["upid"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with daemon(state):
        assert json.loads((state / "daemon.json").read_text())["url"] == url
        assert call(state, "GET", "/nodes/pve/qemu/100/config") == before
        assert call(state, "GET", "/nodes/pve/qemu/100/status/current")["status"] == "running"
        assert [v["volid"] for v in call(state, "GET", "/nodes/pve/storage/local-lvm/content")] == [
            "local-lvm:vm-100-disk-0"
        ]
        assert call(state, "GET", "/pools") == [{"poolid": "p1"}]
        assert call(state, "GET", f"/nodes/pve/tasks/{upid}/status")["exitstatus"] == "OK"
        assert run(state, "POST", "/nodes/pve/qemu/100/status/stop") == "OK"


def test_a_task_that_was_killed_says_so(state: Path) -> None:
    LabSpec("lab", boot=False, task_seconds={"qmcreate": 60}).write(state / "lab.json")
    with daemon(state) as process:
        upid = call(state, "POST", "/nodes/pve/qemu", vmid=100)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with daemon(state):
        status = call(state, "GET", f"/nodes/pve/tasks/{upid}/status")
        assert (status["status"], status["exitstatus"]) == ("stopped", "unexpected status")
        assert call(state, "GET", "/nodes/pve/qemu/100/config")["lock"] == "create"


def test_a_taken_port_is_one_clear_error(state: Path) -> None:
    with daemon(state):
        port = int((state / "port").read_text())
        other = state / "other"
        other.mkdir()
        LabSpec("other", boot=False, port=port).write(other / "lab.json")
        done = subprocess.run(
            [sys.executable, "-m", "homeprod.lab.daemon", str(other)], capture_output=True, timeout=20, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        f"127.0.0.1:{port}: port {port} is taken",
        "choose another port for the lab",
    ]


def test_an_unreadable_description_is_one_clear_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "homeprod.lab.daemon", str(tmp_path)], capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert "cannot read the lab's description" in done.stderr.decode()
