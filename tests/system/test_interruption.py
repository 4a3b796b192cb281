"""An apply that is cut off anywhere: the next plan sees what there is, the next apply goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.system.site_lab import NODE, SiteLab

pytestmark = pytest.mark.slow

CODER = 4001021
PATIENCE = 60.0


def _begin_apply(site_lab: SiteLab, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "homeprod", "--site", str(site_lab.root)]
    with log.open("wb") as file:
        return subprocess.Popen(
            [*command, "apply", "--yes", "--only", "lab-coder"],
            env={**os.environ, **site_lab.env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def _is_running(site_lab: SiteLab) -> bool:
    return site_lab.lab.hypervisor.runner.is_running(CODER)


def test_killed_between_the_start_and_the_end_of_cloud_init(site_lab: SiteLab, tmp_path: Path) -> None:
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=1,")
    apply = _begin_apply(site_lab, tmp_path / "log")
    try:
        _until(lambda: _is_running(site_lab))
    finally:
        apply.kill()
        apply.wait(PATIENCE)
    code, out, _ = site_lab.run("plan", "--only", "lab-coder")
    assert code == 2
    assert "> finish vm/lab-coder" in out
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_once_it_says_what_is_left_and_exits_130(
    site_lab: SiteLab, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    apply = _begin_apply(site_lab, log)
    try:
        _until(lambda: "waiting for the guest to boot" in log.read_text())
        apply.send_signal(number)
        assert apply.wait(PATIENCE) == 130
    finally:
        apply.kill()
    said = log.read_text()
    assert "cut off: vm/lab-coder\n  the next apply goes on from here" in said
    assert "Traceback" not in said
    assert ("finish", "vm/lab-coder") in site_lab.actions("--only", "lab-coder")


def test_interrupted_twice_it_leaves_though_an_answer_is_still_waited_for(site_lab: SiteLab, tmp_path: Path) -> None:
    from tests.lab_server import InjectedFault

    has_come, log = threading.Event(), tmp_path / "log"

    def be_silent(received: object) -> InjectedFault | None:
        """No task is ever seen to end, which is waited for longer than the apply is below."""
        path = getattr(received, "path", "")
        if "/tasks/" not in path or not path.endswith("/status"):
            return None
        has_come.set()
        return InjectedFault(status=599)

    site_lab.lab.on_call = be_silent
    apply = _begin_apply(site_lab, log)
    try:
        assert has_come.wait(PATIENCE)
        apply.send_signal(signal.SIGTERM)
        _until(lambda: "stopping: nothing new begins" in log.read_text())
        apply.send_signal(signal.SIGINT)
        assert apply.wait(PATIENCE / 2) == 130
    finally:
        apply.kill()
        apply.wait(PATIENCE)
    assert "left; tasks that Proxmox has begun go on" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("place", ["upload", "qemu", "resize", "start"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_anywhere_is_made_good_by_the_next_apply(
    site_lab: SiteLab, place: str, when: str
) -> None:
    from tests.lab_server import InjectedFault

    hits = iter(range(10_000))

    def cut(received: object) -> InjectedFault | None:
        path, method = getattr(received, "path", ""), getattr(received, "method", "")
        if method != "GET" and path.endswith(f"/{place}"):
            next(hits)
            return InjectedFault(when=when, cut=True)  # type: ignore[arg-type]
        return None

    site_lab.lab.on_call = cut
    first = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert next(hits) > 0
    assert "Traceback" not in first[2]
    site_lab.lab.on_call = None
    assert site_lab.apply("--only", "lab-ansible") == 0
    assert site_lab.actions("--only", "lab-ansible") == []
    with site_lab.driver() as cluster:
        names = [machine.name for machine in cluster.read_resources().machines]
        assert sorted(names) == ["lab-ansible", "lab-ansible-data"]
        isos = [volume.id for volume in cluster.read_content(NODE, "local-hdd") if "-lab-ansible-" in volume.id]
        assert len(isos) == 1
