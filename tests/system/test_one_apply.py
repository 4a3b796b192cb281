"""Two applies of one site at the same instant: one wins, the other says who, and what they write never interleaves.

``HOMEPROD_RACES`` says how often as processes (2; `make soak` 20), ``HOMEPROD_QUICK_RACES`` in one process (6; 200).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault, LoggedCall
from tests.system.apply_process import PATIENCE, await_truth, begin_apply, end_apply, slow_down
from tests.system.site_lab import NODE, SiteLab

from homeprod.core.errors import LeaseError
from homeprod.engine.apply import apply_plan
from homeprod.engine.lease import Terms, hold_lease
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.api.server import Received
from homeprod.lab.pools import Pool
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.loader import load_site
from homeprod.site.site import Site

RACES = int(os.environ.get("HOMEPROD_RACES", "2"))
QUICK_RACES = int(os.environ.get("HOMEPROD_QUICK_RACES", "6"))
CODER, ANSIBLE = 4001021, 4001022


# --- in one process ----------------------------------------------------------------------------------------------


def _tag(site: Site, tag: str) -> Site:
    """The same site, with one more tag on each machine."""
    machines = {
        name: replace(declared, machine=declared.machine.model_copy(update={"tags": declared.machine.tags | {tag}}))
        for name, declared in site.machines.items()
    }
    return replace(site, machines=machines)


def _apply(
    site_lab: SiteLab, site: Site, terms: Terms, start: threading.Barrier, other_ended: threading.Event
) -> str:
    """Who held it instead, or nothing. The winner keeps it until the other has given up, unless that one waits."""
    with site_lab.driver() as cluster:
        start.wait(PATIENCE)
        try:
            with hold_lease(cluster, site.config.id, terms, lambda _: None) as lease:
                actual = read_actual(cluster, site)
                plan = diff(site, actual, lambda _: "0")
                work = Work(site, lease.hypervisor, desire(site), actual, Manner(waits=False))
                outcome = apply_plan(work, plan, lambda _: None)
                assert not outcome.failed
                assert len(outcome.done) == len(plan.changes) > 0
                assert terms.patience or other_ended.wait(PATIENCE)
        except LeaseError as error:
            return error.message
    return ""


def _race(site_lab: SiteLab, site: Site, terms: Terms, tags: tuple[str, str]) -> list[str]:
    """Of each of the two, who held it instead."""
    start, ended = threading.Barrier(2), (threading.Event(), threading.Event())

    def run(place: int) -> str:
        try:
            return _apply(site_lab, _tag(site, tags[place]), terms, start, ended[1 - place])
        finally:
            ended[place].set()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


def _list_writers(calls: list[LoggedCall], tags: tuple[str, str]) -> list[str]:
    """By whom each write to a machine is, in the order in which they came."""
    written = [str(call.params["tags"]).split(";") for call in calls if call.writes and "tags" in call.params]
    return [next(tag for tag in tags if tag in words) for words in written]


def _is_one_after_the_other(writers: list[str]) -> bool:
    return sum(before != after for before, after in pairwise(writers)) <= 1


@pytest.mark.timeout(1200)
def test_two_applies_in_one_process_never_interleave(site_lab: SiteLab) -> None:
    """Every other time the second one is patient: then it comes after the first."""
    assert site_lab.apply() == 0
    site = load_site(site_lab.root)
    for number in range(QUICK_RACES):
        terms = Terms(limit=1, patience=PATIENCE if number % 2 else 0)
        tags = (f"a-{number}", f"b-{number}")
        site_lab.lab.forget_calls()
        refusals = _race(site_lab, site, terms, tags)
        writers = _list_writers(site_lab.lab.calls, tags)
        assert _is_one_after_the_other(writers), writers
        if terms.patience:
            assert refusals == ["", ""]
            assert set(writers) == set(tags)
        else:
            (refused,) = [message for message in refusals if message]
            assert f"(pid {os.getpid()}, id " in refused
            assert set(writers) == {tags[refusals.index("")]}


# --- as processes ------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_lab(site_lab: SiteLab) -> SiteLab:
    """A holder is dead after two seconds."""
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=2,")
    assert site_lab.apply() == 0
    site_lab.lab.forget_calls()
    return site_lab


def _copy(site_lab: SiteLab, tmp_path: Path, number: int, person: str) -> Path:
    """Another person's copy of the site, in which two machines have one more tag."""
    root = tmp_path / f"{person}-{number}"
    shutil.copytree(site_lab.root, root)
    for module, tags in (("lab_coder_vm", '{"coder", "lab"'), ("lab_ansible_vm", '{"devsecops", "lab"')):
        file = root / "modules" / f"{module}.py"
        text = file.read_text()
        assert f"tags={tags}}}" in text
        file.write_text(text.replace(f"tags={tags}}}", f'tags={tags}, "{person}-{number}"}}'))
    return root


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_processes_never_interleave_and_the_loser_says_who_won(quick_lab: SiteLab, tmp_path: Path) -> None:
    for number in range(RACES):
        quick_lab.lab.forget_calls()
        roots = [_copy(quick_lab, tmp_path, number, person) for person in ("ann", "bob")]
        processes = [begin_apply(quick_lab, root) for root in roots]
        quick_lab.lab.on_call = lambda call, both=processes: _keep_running(call, both)
        ended = [end_apply(process) for process in processes]
        assert sorted(code for code, _ in ended) == [0, 1], ended
        (winner,) = [place for place in (0, 1) if ended[place][0] == 0]
        said = ended[1 - winner][1]
        assert f"(pid {processes[winner].pid}, id " in said
        assert "error: somebody else is at work on this site: " in said
        assert "--break-lease" in said
        tags = (f"ann-{number}", f"bob-{number}")
        assert _list_writers(quick_lab.lab.calls, tags) == [tags[winner]] * 2


def _keep_running(call: Received, both: list[subprocess.Popen[str]]) -> InjectedFault | None:
    """No task is seen to end while both are there: whoever wins holds the lease until the other one has given up."""
    is_asked = "/tasks/" in call.path and call.path.endswith("/status")
    return InjectedFault(status=599) if is_asked and all(one.poll() is None for one in both) else None


@pytest.fixture
def killed(quick_lab: SiteLab, tmp_path: Path) -> SiteLab:
    """An apply of two changes was killed (-9) in its first one."""
    root = _copy(quick_lab, tmp_path, 0, "ann")
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
    process = begin_apply(quick_lab, _copy(quick_lab, tmp_path, 0, "ann"), "--parallel", "1")
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
    process = begin_apply(quick_lab, _copy(quick_lab, tmp_path, 0, "ann"))
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
    process = begin_apply(quick_lab, _copy(quick_lab, tmp_path, 0, "ann"), "--parallel", "1")
    await_truth(lambda: any(call.path.endswith("/config") and call.writes for call in quick_lab.lab.calls))
    code, _, said = quick_lab.run("apply", "--yes", "--no-wait", "--break-lease", "--only", "lab-coder")
    lost_code, lost = end_apply(process)
    assert (lost_code, code) == (1, 0), (lost, said)
    assert f"(pid {process.pid}, id " in said
    assert "was taken over: held by" in lost
    assert "nothing was written since" in lost
    assert "Traceback" not in lost
    written = _list_writers(quick_lab.lab.calls, ("ann-0", "coder"))
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
    quick_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
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
