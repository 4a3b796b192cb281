"""One apply at a time, as a person meets it: killed, interrupted, broken, waited for, come between."""

from __future__ import annotations

import shutil
import signal
import threading
from pathlib import Path

import pytest
from tests.system.apply_process import (
    PATIENCE,
    await_truth,
    begin_apply,
    copy_site,
    end_apply,
    list_writers,
    slow_down,
)
from tests.system.site_lab import NODE, SiteLab

from homeprod.engine.lease import Terms, hold_lease
from homeprod.lab.api.server import Received
from homeprod.lab.pools import Pool
from homeprod.site.loader import load_site

pytestmark = pytest.mark.slow

CODER, ANSIBLE = 4001021, 4001022


@pytest.fixture
def killed(quick_lab: SiteLab, tmp_path: Path) -> SiteLab:
    """An apply of two changes was killed (-9) in its first one."""
    root = copy_site(quick_lab, tmp_path, 0, "ann")
    slow_down(quick_lab.lab, "qmconfig", 3.0)
    shutil.rmtree(quick_lab.root)
    root.rename(quick_lab.root)
    process = begin_apply(quick_lab, quick_lab.root, "--parallel", "1")
    try:
        await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
    return quick_lab


def _lease(site_lab: SiteLab) -> str:
    with site_lab.driver() as cluster:
        ((name, words),) = cluster.read_pools().items()
    return f"{name.rpartition('-')[2]} {words}"


@pytest.mark.slow
def test_a_holder_that_was_killed_is_taken_over(killed: SiteLab) -> None:
    assert _lease(killed).startswith("2 held by ")
    slow_down(killed.lab, "qmconfig", 0.0)
    code, _, said = killed.run("apply", "--yes", "--no-wait")
    assert code == 0, said
    assert "it was not renewed for 2 s: its holder is gone" in said
    assert killed.actions() == []
    assert _lease(killed).startswith("3 free; ")


@pytest.mark.slow
def test_a_holder_that_was_killed_is_broken_and_its_task_is_joined(killed: SiteLab) -> None:
    slow_down(killed.lab, "qmconfig", 0.0)
    before = len(killed.lab.written())
    code, _, said = killed.run("apply", "--yes", "--no-wait", "--break-lease")
    assert code == 0, said
    assert "took the lease from " in said
    assert "a task of an earlier apply still runs (qmconfig); waiting for its end" in said
    assert "join qmconfig done" in said
    assert killed.actions() == []
    changed = [call for call in killed.lab.written()[before:] if call.path.endswith("/config")]
    assert len(changed) == 1  # what the joined task did is not done again


@pytest.mark.slow
def test_interrupted_once_it_begins_nothing_and_gives_the_lease_back(quick_lab: SiteLab, tmp_path: Path) -> None:
    slow_down(quick_lab.lab, "qmconfig", 2.0)
    process = begin_apply(quick_lab, copy_site(quick_lab, tmp_path, 0, "ann"), "--parallel", "1")
    await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    process.send_signal(signal.SIGINT)
    code, said = end_apply(process)
    assert code == 130
    assert "cut off: vm/lab-" in said
    assert len([call for call in quick_lab.lab.written() if call.path.endswith("/config")]) == 1
    assert _lease(quick_lab).startswith("2 free; ")


@pytest.mark.slow
def test_interrupted_twice_it_leaves_the_lease_to_die(quick_lab: SiteLab, tmp_path: Path) -> None:
    slow_down(quick_lab.lab, "qmconfig", 600.0)
    process = begin_apply(quick_lab, copy_site(quick_lab, tmp_path, 0, "ann"))
    await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)  # two of a kind might be one
    code, said = end_apply(process)
    assert code == 130
    assert "left; tasks that Proxmox has begun go on" in said
    assert _lease(quick_lab).startswith("2 held by ")


@pytest.mark.slow
def test_a_lease_broken_in_mid_apply(quick_lab: SiteLab, tmp_path: Path) -> None:
    slow_down(quick_lab.lab, "qmconfig", 2.0)
    process = begin_apply(quick_lab, copy_site(quick_lab, tmp_path, 0, "ann"), "--parallel", "1")
    await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    code, _, said = quick_lab.run("apply", "--yes", "--no-wait", "--break-lease", "--only", "lab-coder")
    lost_code, lost = end_apply(process)
    assert (lost_code, code) == (1, 0), (lost, said)
    assert f"(pid {process.pid}, id " in said
    assert "was taken over: held by" in lost
    assert "nothing was written since" in lost
    assert "Traceback" not in lost
    written = list_writers(quick_lab.lab.calls, ("ann-0", "coder"))
    assert written[0] == "ann-0"
    assert written.count("ann-0") == 1


def test_an_apply_with_nothing_to_do_takes_no_lease(quick_lab: SiteLab) -> None:
    assert quick_lab.apply() == 0
    assert not quick_lab.lab.written()


def test_a_site_may_do_without(site_lab: SiteLab) -> None:
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=None,")
    assert site_lab.apply() == 0
    assert not [call for call in site_lab.lab.calls if call.path.startswith("/pools")]


def test_destroy_waits_for_its_turn_too(quick_lab: SiteLab) -> None:
    site = load_site(quick_lab.root)
    with quick_lab.driver() as cluster, hold_lease(cluster, site.config.id, Terms(2), lambda _: None):
        code, _, said = quick_lab.run("destroy", "lab-coder", "--yes")
        assert code == 1
        assert "somebody else is at work on this site" in said
        assert cluster.read_status(NODE, CODER) == "running"
    assert quick_lab.run("destroy", "lab-coder", "--yes")[0] == 0
    assert " for destroy since " in _lease(quick_lab)


@pytest.mark.parametrize(
    "command",
    [
        ("apply",),
        ("destroy", "lab-coder"),
        ("forget", "lab-coder"),
        ("adopt", "--disk", "lab-ansible", "scsi0", "--to", "lab-ansible-data", "--label", "system"),
    ],
    ids=lambda command: command[0],
)
def test_whoever_holds_the_lease_is_told_before_anything_is_asked(
    quick_lab: SiteLab, command: tuple[str, ...]
) -> None:
    quick_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    site = load_site(quick_lab.root)
    with quick_lab.driver() as cluster, hold_lease(cluster, site.config.id, Terms(2), lambda _: None):
        code, out, said = quick_lab.run(*command)
    assert (code, out) == (1, "")
    assert "somebody else is at work on this site" in said
    assert "nobody is there to answer" not in said


def test_who_came_between_plan_and_lease_makes_it_read_again(quick_lab: SiteLab) -> None:
    quick_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    number, came = 2, threading.Event()

    def come_between(call: Received) -> None:
        """Another apply took the number and gave it back, just before ours asks for it."""
        if (call.method, call.path) == ("POST", "/pools") and not came.is_set():
            came.set()
            words = "free; last held by a@b (pid 1, id 0a0b0c) for apply since 2026-01-01 00:00:00Z"
            quick_lab.lab.hypervisor.pools.pools[str(call.params["poolid"])] = Pool(words)

    quick_lab.lab.on_call = come_between
    code, _, said = quick_lab.run("apply", "--yes", "--no-wait")
    assert code == 0, said
    assert "somebody else was at work on this site meanwhile; reading it again" in said
    assert _lease(quick_lab).startswith(f"{number + 1} free; ")
    taken = max(call.number for call in quick_lab.lab.calls if (call.method, call.path) == ("POST", "/pools"))
    read = max(call.number for call in quick_lab.lab.calls if call.path.endswith("/cluster/resources"))
    (written,) = [call.number for call in quick_lab.lab.written() if call.path.endswith("/config")]
    assert taken < read < written


def test_who_waits_for_the_lease_comes_next(quick_lab: SiteLab) -> None:
    quick_lab.edit("lab_coder_vm", 'tags={"coder", "lab"}', 'tags={"builder", "lab"}')
    site, given_back = load_site(quick_lab.root), threading.Event()

    def hold() -> None:
        with quick_lab.driver() as cluster, hold_lease(cluster, site.config.id, Terms(2), lambda _: None):
            begun.set()
            await_truth(lambda: any("renewed every 0.5 s, 2" in str(call.params) for call in quick_lab.lab.calls))
        given_back.set()

    begun, holder = threading.Event(), threading.Thread(target=hold)
    holder.start()
    assert begun.wait(PATIENCE)
    code, _, said = quick_lab.run("apply", "--yes", "--no-wait", "--wait-lease", "60")
    holder.join(PATIENCE)
    assert (code, given_back.is_set()) == (0, True), said
    assert "is at work; waiting 60 s at most" in said
    assert quick_lab.actions() == []


def test_a_kept_plan_survives_a_second_reading(quick_lab: SiteLab, tmp_path: Path) -> None:
    """What it is about stands in the file, also where a task of an earlier apply had to be joined first."""
    quick_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    quick_lab.run("plan", "--only", "lab-coder", "--out", str(tmp_path / "kept"))
    with quick_lab.driver() as cluster:
        cluster.stop_machine(NODE, ANSIBLE)
        slow_down(quick_lab.lab, "qmstart", 1.5)
        cluster.start_machine(NODE, ANSIBLE)
    code, _, said = quick_lab.run("apply", str(tmp_path / "kept"), "--yes", "--no-wait")
    assert code == 0, said
    assert "vm/lab-ansible: a task of an earlier apply still runs (qmstart); waiting for its end" in said


@pytest.mark.soak
def test_a_holder_that_slept_and_was_outlived_writes_nothing_more(quick_lab: SiteLab, tmp_path: Path) -> None:
    """As a laptop whose lid was closed in mid-apply."""
    slow_down(quick_lab.lab, "qmconfig", 2.0)
    process = begin_apply(quick_lab, copy_site(quick_lab, tmp_path, 0, "ann"), "--parallel", "1")
    await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    process.send_signal(signal.SIGSTOP)
    slow_down(quick_lab.lab, "qmconfig", 0.0)
    code, _, said = quick_lab.run("apply", "--yes", "--no-wait")
    assert code == 0, said
    assert "its holder is gone" in said
    before = len(quick_lab.lab.written())
    process.send_signal(signal.SIGCONT)
    lost_code, lost = end_apply(process)
    assert lost_code == 1
    assert "was taken over: free; last held by" in lost
    assert not [call for call in quick_lab.lab.written()[before:] if not call.path.startswith("/pools")]
    assert quick_lab.actions() == []
