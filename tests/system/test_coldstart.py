"""Cold starts as apply does them: one at a time, each waited for, never at the cost of a disk, and made good by the
next apply wherever one was cut short."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.site_lab import NODE, SiteLab
from tests.system.stranger_lab import DATA_VM, MANNER, VM, StrangerLab, make_site, open_stranger_lab

from homeprod.cli import render
from homeprod.cli.progress import LONGEST
from homeprod.core.sizes import GiB
from homeprod.engine.work import Work
from homeprod.lab.hypervisor import Hypervisor
from homeprod.plan.change import Action, Effect
from homeprod.plan.mark import COLD_TAG

CODER = 4001021


@pytest.fixture(scope="module")
def shared() -> Iterator[StrangerLab]:
    with open_stranger_lab() as lab:
        yield lab


@pytest.fixture
def lab(shared: StrangerLab) -> Iterator[StrangerLab]:
    shared.settle()
    if not shared.is_running:
        shared.wait(shared.cluster.start_machine("pve", VM))
    yield shared
    shared.lab.on_call = None
    shared.lab.hypervisor.runner.__dict__.pop("shutdown", None)


def _let_wait(lab: StrangerLab, cores: int = 4) -> None:
    """In force is another number than the site's, which waits."""
    lab.set(VM, {"cores": cores})
    lab.restart()
    lab.set(VM, {"cores": 2})


def _has_tag(lab: StrangerLab) -> bool:
    return COLD_TAG in str(lab.read(VM)["tags"])


def _fail(
    ending: str, fault: InjectedFault | None, act: Callable[[], None] = lambda: None
) -> Callable[..., InjectedFault | None]:
    def meet(received: object) -> InjectedFault | None:
        if getattr(received, "method", "") == "POST" and getattr(received, "path", "").endswith(ending):
            act()
            return fault
        return None

    return meet


def test_one_that_was_cut_short_before_the_start_is_owed_it_under_any_policy(lab: StrangerLab) -> None:
    _let_wait(lab)
    lab.lab.on_call = _fail("/status/start", InjectedFault(cut=True))
    assert [str(change.address) for change, _ in lab.try_apply("allowed").failed] == ["vm/files"]
    assert (lab.is_running, _has_tag(lab)) == (False, True)
    lab.lab.on_call = None
    (step,) = lab.plan("never").changes
    assert (step.action, step.why) == (Action.START, "a cold start was begun, and its end was not seen")
    lab.apply("never")
    assert (lab.is_running, _has_tag(lab), lab.read(VM)["cores"]) == (True, False, 2)
    assert not lab.plan("allowed").changes


def test_a_guest_that_ignores_the_shutdown_runs_on_and_says_what_to_do(lab: StrangerLab) -> None:
    _let_wait(lab)

    async def ignore(vmid: int, timeout: float) -> bool:
        return False

    lab.lab.hypervisor.runner.shutdown = ignore  # type: ignore[method-assign]
    ((_, error),) = lab.try_apply("allowed").failed
    assert "did not shut down within 5 s, and has a data disk mounted; it still runs" in error.message
    assert "--force-stop" in error.hint
    assert (lab.is_running, _has_tag(lab)) == (True, True)  # it may go late
    assert [change.action for change in lab.plan("allowed").changes] == [Action.UPDATE, Action.COLD_START]
    lab.apply("allowed", manner=replace(MANNER, forces_stop=True))
    assert lab.read(VM)["cores"] == 2


@pytest.mark.parametrize(
    ("forces", "end"), [(False, "unless --force-stop says to pull the plug"), (True, "the plug is pulled then")]
)
def test_a_shutdown_that_takes_long_says_what_is_waited_for(lab: StrangerLab, forces: bool, end: str) -> None:
    _let_wait(lab)
    said: list[str] = []

    async def ignore(vmid: int, timeout: float) -> bool:
        for _ in range(500):
            if any("has not shut down yet" in text for text in said):
                break
            await asyncio.sleep(0.01)
        return False

    lab.lab.hypervisor.runner.shutdown = ignore  # type: ignore[method-assign]
    manner = replace(MANNER, explain_after=0, forces_stop=forces)
    lab.try_apply("allowed", manner=manner, listen=lambda event: said.append(event.text))
    (words,) = [text for text in said if "has not shut down yet" in text]
    assert words.endswith(end)
    assert len(words) < LONGEST


def test_what_the_plan_did_not_say_is_not_brought_into_force(lab: StrangerLab) -> None:
    _let_wait(lab)
    ((_, error),) = lab.try_apply("allowed", begin=lambda _: lab.set(VM, {"memory": 4096})).failed
    assert "memory would come into force too, which the plan did not say; it was left running" in error.message
    assert (lab.is_running, _has_tag(lab)) == (True, False)
    lab.set(VM, {"memory": 512})


def test_a_machine_that_a_person_stopped_meanwhile_is_left_so(lab: StrangerLab) -> None:
    _let_wait(lab)
    assert not lab.try_apply("allowed", begin=lambda _: lab.power_off()).failed
    assert (lab.is_running, _has_tag(lab)) == (False, False)


def test_a_machine_that_a_person_stops_just_before_its_shutdown_is_left_so(lab: StrangerLab) -> None:
    _let_wait(lab)
    going: list[asyncio.Task[None]] = []

    def turn_off() -> None:
        if not going:
            going.append(asyncio.ensure_future(lab.lab.hypervisor.runner.stop(VM)))

    lab.lab.on_call = _fail(f"/{VM}/config", None, turn_off)
    assert not lab.try_apply("allowed").failed
    assert (lab.is_running, _has_tag(lab)) == (False, False)


def test_asked_to_stop_it_still_starts_what_it_shut_down(lab: StrangerLab) -> None:
    _let_wait(lab)
    works: list[Work] = []
    lab.lab.on_call = _fail("/status/shutdown", None, lambda: works[0].is_stopping.set())
    outcome = lab.try_apply("allowed", begin=works.append)
    assert ([change.action for change in outcome.done], outcome.cut_off) == ([Action.COLD_START], [])
    assert (lab.is_running, _has_tag(lab), lab.read(VM)["cores"]) == (True, False, 2)


def test_asked_to_stop_it_still_starts_what_ha_shuts_down_for_it(lab: StrangerLab) -> None:
    """HA's task ends when the request is queued; the guest goes later."""
    _let_wait(lab)

    def keep(hypervisor: Hypervisor) -> None:
        hypervisor.ha.managed.add(VM)
        hypervisor.ha.seconds = 0.4

    lab.lab.do(keep)
    works: list[Work] = []
    lab.lab.on_call = _fail("/status/shutdown", None, lambda: works[0].is_stopping.set())
    try:
        outcome = lab.try_apply("allowed", begin=works.append, manner=replace(MANNER, look_every=0.05))
        assert ([change.action for change in outcome.done], outcome.cut_off) == ([Action.COLD_START], [])
        assert (lab.is_running, _has_tag(lab), lab.read(VM)["cores"]) == (True, False, 2)
    finally:
        lab.lab.do(lambda hypervisor: hypervisor.ha.managed.discard(VM))


def test_a_guest_that_does_not_come_back_is_told(lab: StrangerLab) -> None:
    _let_wait(lab)
    outcome = lab.apply("allowed", manner=replace(MANNER, waits=True, wait_limit=0.1))
    ((_, reason),) = outcome.unfinished.items()
    assert "was started again, and its guest agent has not answered within 0.1 s" in reason
    assert not lab.plan("allowed").changes


@pytest.mark.parametrize("ending", ["/config", "/status/shutdown", "/status/start"])
def test_an_answer_that_is_lost_is_no_failure(lab: StrangerLab, ending: str) -> None:
    _let_wait(lab)
    once = iter([InjectedFault(when="after", cut=True)])
    lab.lab.on_call = lambda received: (
        next(once, None) if getattr(received, "method", "") == "POST" and received.path.endswith(ending) else None
    )
    lab.apply("allowed")
    assert (lab.is_running, _has_tag(lab), lab.read(VM)["cores"]) == (True, ending == "/status/shutdown", 2)
    lab.settle()
    assert (lab.is_running, _has_tag(lab)) == (True, False)


def test_a_guest_that_goes_after_all_is_owed_a_start(lab: StrangerLab) -> None:
    _let_wait(lab)

    async def ignore(vmid: int, timeout: float) -> bool:
        return False

    lab.lab.hypervisor.runner.shutdown = ignore  # type: ignore[method-assign]
    assert lab.try_apply("allowed").failed
    lab.power_off()
    assert [change.action for change in lab.plan("never").changes] == [Action.START]
    lab.apply("never")
    assert (lab.is_running, _has_tag(lab), lab.read(VM)["cores"]) == (True, False, 2)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_data_disk_grows_where_the_guest_sees_it(lab: StrangerLab, is_running: bool) -> None:
    """With another change of the machine at once, though growing its disk moves the digest."""
    if not is_running:
        lab.power_off()
    size = (lab.drive(DATA_VM, "scsi0").size or 0) + GiB
    larger = make_site(lab.server, disk_size=size, note=f"Up to {size}.")
    plan = lab.plan("never", larger)
    shown = {(c.address.kind, d.attribute): d.effect for c in plan.changes for d in c.differences}
    assert shown == {
        ("vm", "scsi1 size"): Effect.LIVE,
        ("data-vm", "scsi0 size"): Effect.LIVE,
        ("vm", "description"): Effect.LIVE,
    }
    lab.lab.forget_calls()
    lab.apply("never", larger)
    grown = [call.path.split("/")[4] for call in lab.lab.written() if call.path.endswith("/resize")]
    assert grown == [str(VM if is_running else DATA_VM)]
    assert (lab.drive(VM, "scsi1").size, lab.drive(DATA_VM, "scsi0").size) == (size, size)
    assert not lab.plan("allowed", larger).changes


def _count_from_two(site_lab: SiteLab) -> None:
    """Every machine of pegasus that runs gets another number of cores."""
    for file in (site_lab.root / "modules").glob("*_vm.py"):
        if "_data_" not in file.name:
            file.write_text(file.read_text().replace("    environment=", "    cores=3,\n    environment="))


def test_where_it_is_allowed_machines_go_one_after_the_other_and_earlier_phases_first(site_lab: SiteLab) -> None:
    site_lab.apply()
    _count_from_two(site_lab)
    site_lab.edit("_config", "site = SiteConfig(", 'site = SiteConfig(cold_starts="allowed",')
    site_lab.lab.forget_calls()
    assert site_lab.apply() == 0
    power = [call.path.split("/") for call in site_lab.lab.written() if "/status/" in call.path]
    done = [(int(parts[4]), parts[6]) for parts in power]
    order = [4000004, 4001005, 4001022, 5000000, 4001021]
    assert {vmid for vmid, _ in done[2:8]} == set(order[1:4])  # of one phase
    assert [done[0][0], done[-1][0]] == [order[0], order[-1]]
    assert [what for _, what in done] == ["shutdown", "start"] * len(order)
    assert all(first[0] == second[0] for first, second in zip(done[::2], done[1::2], strict=True))
    assert site_lab.actions() == []


def test_where_it_asks_yes_alone_is_no_answer(site_lab: SiteLab) -> None:
    site_lab.apply()
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB, cores=4")
    code, out, _ = site_lab.run("plan")
    assert code == 2
    assert "> cold start vm/lab-coder  VMID 4001021 on proxmox-1  (cores, memory wait for it)" in out
    assert out.splitlines()[-1] == "1 to update, 1 to cold start"
    code, _, said = site_lab.run("apply", "--yes", "--no-wait")
    assert code == 0
    assert "no cold start of vm/lab-coder, though cores, memory wait for it\nleft running; to shut them" in said
    assert "\n  homeprod apply --cold-start\n" in said
    assert site_lab.actions() == [("cold start", "vm/lab-coder")]
    code, out, _ = site_lab.run("plan")
    assert "    cores: 2 → 4  after a cold start\n    memory: 2048 MiB → 3072 MiB  after a cold start" in out
    with site_lab.driver() as cluster:
        assert cluster.read_machine(NODE, CODER).pending == {"cores": 4, "memory": 3072}
        assert site_lab.apply("--cold-start") == 0
        assert not cluster.read_machine(NODE, CODER).pending
    assert site_lab.actions() == []


@pytest.mark.parametrize(("answer", "left"), [("yes", []), ("no", [("cold start", "vm/lab-coder")])])
def test_where_it_asks_they_are_asked_for_apart(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[tuple[str, str]]
) -> None:
    site_lab.apply()
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    asked: list[str] = []

    def read(question: str) -> str:
        asked.append(question)
        return answer if "shut down" in question else "yes"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(render, "read_line", read)
    assert site_lab.run("apply", "--no-wait")[0] == 0
    assert asked == ["apply this? [yes/no] ", "shut down and start again: lab-coder? [yes/no] "]
    monkeypatch.undo()
    for name, value in site_lab.env.items():
        monkeypatch.setenv(name, value)
    assert site_lab.actions() == left


def test_a_kept_plan_has_its_cold_starts(site_lab: SiteLab, tmp_path: Path) -> None:
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    kept = str(tmp_path / "plan.json")
    site_lab.run("plan", "--only", "lab-coder", "--out", kept)
    assert site_lab.apply("--cold-start", kept) == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_killed_between_shutdown_and_start(site_lab: SiteLab, tmp_path: Path) -> None:
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=1,")
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    command = [sys.executable, "-m", "homeprod", "--site", str(site_lab.root)]
    apply = subprocess.Popen(
        [*command, "apply", "--yes", "--cold-start", "--no-wait", "--only", "lab-coder"],
        env={**os.environ, **site_lab.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    site_lab.lab.on_call = _fail("/status/start", InjectedFault(status=500, reason="too late"), apply.kill)
    try:
        assert apply.wait(60) == -9
    finally:
        apply.kill()
    site_lab.lab.on_call = None
    assert site_lab.actions("--only", "lab-coder") == [("start", "vm/lab-coder")]
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []
    with site_lab.driver() as cluster:
        assert cluster.read_status(NODE, CODER) == "running"
        assert cluster.read_machine(NODE, CODER).config["memory"] == 3072


def test_a_data_vm_alone_grows_its_disk_through_the_machine_that_runs(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-ansible")
    site_lab.edit("lab_ansible_data_vm", "size=1 * GiB", "size=2 * GiB")
    assert site_lab.actions("--only", "lab-ansible-data") == [("update", "data-vm/lab-ansible-data")]
    assert site_lab.apply("--only", "lab-ansible-data") == 0
    assert [call.path for call in site_lab.lab.written() if call.path.endswith("/resize")][-1].split("/")[
        4
    ] == "4001022"
    assert site_lab.actions("--only", "lab-ansible") == []
