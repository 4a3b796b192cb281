"""Two applies of one site at the same instant: one wins, the other says who, and what they write never interleaves.

``HOMEPROD_RACES`` says how often as processes (2; `make soak` 20), ``HOMEPROD_QUICK_RACES`` in one process (4; 200).
"""

from __future__ import annotations

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.apply_process import PATIENCE, begin_apply, copy_site, end_apply, list_writers
from tests.system.site_lab import SiteLab

from homeprod.core.errors import LeaseError
from homeprod.engine.apply import apply_plan
from homeprod.engine.lease import Terms, hold_lease
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.api.server import Received
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.loader import load_site
from homeprod.site.site import Site

pytestmark = pytest.mark.slow

RACES = int(os.environ.get("HOMEPROD_RACES", "2"))
QUICK_RACES = int(os.environ.get("HOMEPROD_QUICK_RACES", "4"))
CODER, ANSIBLE = 4001021, 4001022


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
        writers = list_writers(site_lab.lab.calls, tags)
        assert _is_one_after_the_other(writers), writers
        if terms.patience:
            assert refusals == ["", ""]
            assert set(writers) == set(tags)
        else:
            (refused,) = [message for message in refusals if message]
            assert f"(pid {os.getpid()}, id " in refused
            assert set(writers) == {tags[refusals.index("")]}


def _keep_running(call: Received, both: list[subprocess.Popen[str]]) -> InjectedFault | None:
    """No task is seen to end while both are there: whoever wins holds the lease until the other one has given up."""
    is_asked = "/tasks/" in call.path and call.path.endswith("/status")
    return InjectedFault(status=599) if is_asked and all(one.poll() is None for one in both) else None


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_processes_never_interleave_and_the_loser_says_who_won(quick_lab: SiteLab, tmp_path: Path) -> None:
    for number in range(RACES):
        quick_lab.lab.forget_calls()
        roots = [copy_site(quick_lab, tmp_path, number, person) for person in ("ann", "bob")]
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
        assert list_writers(quick_lab.lab.calls, tags) == [tags[winner]] * 2
