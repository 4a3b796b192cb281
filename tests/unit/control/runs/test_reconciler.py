"""The reconciler, with real workers that have something short in place of Ansible."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.control.runs.node import ROOM, SETTINGS, Desk, Node, make_job, open_node, tell

from homeprod.control.hosts.errors import StorageError
from homeprod.control.hosts.host import HostState, Ring, RunStatus
from homeprod.control.hosts.turn import Turn
from homeprod.control.runs import reconciler
from homeprod.control.runs.attempt import NotYetError
from homeprod.control.runs.descendants import find_descendants
from homeprod.control.runs.job import Job
from homeprod.control.runs.launcher import Launcher
from homeprod.control.state import NodeState
from homeprod.core.errors import ControlError


@pytest.fixture(autouse=True)
def nothing_of_a_run_is_left() -> Iterator[None]:
    """Whatever a test does, no process of its workers outlives it; those of other fixtures are not ours."""
    before = find_descendants()
    yield
    assert find_descendants() - before == set()


def make_desk(folder: Path, playbook: str, **facts: object) -> Desk:
    argv = (sys.executable, str(Path(__file__).with_name("short_worker.py")), str(folder))
    return Desk(make_job(folder, playbook=playbook, **facts), argv)


def read_notes(folder: Path) -> list[str]:
    file = folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def test_a_ring_is_carried_out_and_its_events_are_kept(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.revision, run.rung_by) == (RunStatus.SUCCESSFUL, "r1", "sean")
        assert [event.data for event in await node.ledger.events(run.id)] == [
            '{"event": {"kind": "task", "task": "nothing"}}'
        ]
        assert node.desk.released == [run.id]

    tell(tmp_path, make_desk(tmp_path, "nothing"), story)


def test_rings_during_a_run_make_one_more_and_two_hosts_run_side_by_side(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        first, other = await node.ring("lab-proxy"), await node.ring("lab-coder")
        async with asyncio.timeout(30):
            while len(read_notes(tmp_path)) < 2:
                await asyncio.sleep(0.01)
        assert set(node.reconciler.running) == {first.run_id, other.run_id}
        more = {(await node.ring("lab-proxy")).run_id for _ in range(20)}
        assert len(more) == 1
        await node.wait_for(more.pop())
        await node.wait_for(other.run_id)
        assert len(await node.ledger.runs()) == 3
        host = await node.ledger.host("lab-proxy")
        assert (host.state, host.applied_instance) == (HostState.IDLE, "msg_22")

    tell(tmp_path, make_desk(tmp_path, "sleep 0.5"), story)
    ours = [line.split()[0] for line in read_notes(tmp_path) if "lab-proxy" in line]
    assert ours == ["begin", "end", "begin", "end"]


def test_no_more_runs_at_once_than_the_settings_say(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        runs = [(await node.ring(f"host-{number}")).run_id for number in range(4)]
        for run in runs:
            await node.wait_for(run)

    tell(tmp_path, make_desk(tmp_path, "sleep 0.1"), story, SETTINGS.model_copy(update={"parallel_runs": 1}))
    assert [line.split()[0] for line in read_notes(tmp_path)] == ["begin", "end"] * 4


def test_a_failure_is_tried_again_a_few_times_and_then_waits(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await node.ring("lab-proxy")
        async with asyncio.timeout(30):
            while (await node.ledger.host("lab-proxy")).state is not HostState.FAILED:
                await asyncio.sleep(0.02)
        runs = await node.ledger.runs()
        assert [(run.status, run.attempt) for run in runs] == [(RunStatus.FAILED, n) for n in (3, 2, 1)]
        assert runs[0].problem == "it was told to"

    tell(tmp_path, make_desk(tmp_path, "fail"), story)


def test_what_waits_is_put_back_and_not_counted(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")
    desk.obstacle = NotYetError("waiting: vault repository")

    async def story(node: Node) -> None:
        accepted = await node.ring("lab-proxy")
        async with asyncio.timeout(30):
            while (await node.ledger.host("lab-proxy")).problem != "waiting: vault repository":
                await asyncio.sleep(0.01)
        desk.obstacle = None
        assert (await node.wait_for(accepted.run_id)).attempt == 1

    tell(tmp_path, desk, story)


def test_what_can_never_run_is_said_and_not_tried_again(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")
    desk.obstacle = ControlError("the host is not in the inventory", where="lab-proxy")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "the host is not in the inventory (lab-proxy)")
        assert (await node.ledger.host("lab-proxy")).state is HostState.FAILED

    tell(tmp_path, desk, story)


def test_a_mistake_of_our_own_ends_the_run_and_not_the_node(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    desk = make_desk(tmp_path, "nothing")
    desk.obstacle = ZeroDivisionError("nobody foresaw it")

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (
            RunStatus.FAILED,
            "a mistake of the control node's own: ZeroDivisionError",
        )
        assert "nobody foresaw it" in caplog.text
        desk.obstacle = None
        assert (await node.wait_for((await node.ring("lab-proxy")).run_id)).status is RunStatus.SUCCESSFUL

    tell(tmp_path, desk, story, SETTINGS.model_copy(update={"attempts": 1}))


def test_what_a_host_says_need_not_be_text(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "not UTF-8: ?")
        assert "not UTF-8: ?" in (await node.ledger.events(run.id))[-1].data

    tell(tmp_path, make_desk(tmp_path, "mumble"), story)
    desk = make_desk(tmp_path, "nothing")
    desk.obstacle = NotYetError("waiting: a link \udcfc leads out of it")

    async def waiting(node: Node) -> None:
        await node.ring("lab-proxy")
        async with asyncio.timeout(30):
            while (await node.ledger.host("lab-proxy")).problem != "waiting: a link ? leads out of it":
                await asyncio.sleep(0.01)

    (tmp_path / "second").mkdir()
    tell(tmp_path / "second", desk, waiting)


def test_a_mistake_of_our_own_does_not_end_what_makes_hosts_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "_PAUSE", 0.05)

    async def story(node: Node) -> None:
        real, failing = node.ledger.claim, 3

        async def claim(owner: str) -> Turn | None:
            nonlocal failing
            failing -= 1
            if failing >= 0:
                raise ZeroDivisionError
            return await real(owner)

        monkeypatch.setattr(node.ledger, "claim", claim)
        assert (await node.wait_for((await node.ring("lab-proxy")).run_id)).status is RunStatus.SUCCESSFUL

    tell(tmp_path, make_desk(tmp_path, "nothing"), story)


def test_a_person_cancels_a_run_with_all_that_it_started(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        accepted = await node.ring("lab-proxy")
        async with asyncio.timeout(30):
            while not await node.ledger.events(accepted.run_id):
                await asyncio.sleep(0.01)
        await node.ledger.cancel(accepted.run_id, "sean")
        run = await node.wait_for(accepted.run_id)
        assert (run.status, run.problem) == (RunStatus.CANCELED, "canceled by sean")
        assert (await node.ledger.host("lab-proxy")).state is HostState.FAILED

    tell(tmp_path, make_desk(tmp_path, "detach 61.25"), story)
    assert find_commands("sleep\x0061.25") == []


def test_a_run_ends_at_its_limit(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.TIMEOUT, "it took longer than 60 s")

    settings = SETTINGS.model_copy(update={"attempts": 1})
    tell(tmp_path, make_desk(tmp_path, "detach 61.5", limit_seconds=0.5), story, settings)
    assert find_commands("sleep\x0061.5") == []


def test_a_lock_cuts_runs_off_and_unlock_takes_them_up_again(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        accepted = await node.ring("lab-proxy")
        async with asyncio.timeout(30):
            while not await node.ledger.events(accepted.run_id):
                await asyncio.sleep(0.01)
        await node.reconciler.on_state(NodeState.LOCKED)
        assert find_commands("sleep\x0061.75") == []
        run = await node.ledger.run(accepted.run_id)
        assert (run.status, node.reconciler.running) == (RunStatus.QUEUED, ())
        node.desk.job = make_job(tmp_path, playbook="nothing")
        await node.reconciler.on_state(NodeState.READY)
        run = await node.wait_for(accepted.run_id)
        assert (run.status, run.attempt) == (RunStatus.SUCCESSFUL, 1)

    tell(tmp_path, make_desk(tmp_path, "detach 61.75"), story)


def test_a_full_disk_at_the_unlock_hides_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "_PAUSE", 0.05)

    async def story() -> None:
        async with open_node(tmp_path, make_desk(tmp_path, "nothing"), state=NodeState.LOCKED) as node:
            await node.ledger.note_wanted(Ring("msg_1", "lab-proxy", "lab", "i1", ("ssh-ed25519 AAAA",), "sean", ""))
            real, is_full = node.ledger.want_current, True

            async def want_current(by: str) -> int:
                if is_full:
                    raise StorageError("database or disk is full", "control.db")
                return await real(by)

            monkeypatch.setattr(node.ledger, "want_current", want_current)
            async with asyncio.timeout(30):
                await node.reconciler.on_state(NodeState.READY)
                await node.reconciler.on_state(NodeState.LOCKED)
                await node.reconciler.on_state(NodeState.READY)
                is_full = False
                while not (await node.ledger.host("lab-proxy")).is_current:
                    await asyncio.sleep(0.02)

    asyncio.run(story())


def test_nothing_runs_while_the_node_is_locked(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_node(tmp_path, make_desk(tmp_path, "nothing"), state=NodeState.LOCKED) as node:
            accepted = await node.ring("lab-proxy")
            await asyncio.sleep(0.1)
            assert (await node.ledger.run(accepted.run_id)).status is RunStatus.QUEUED
            await node.reconciler.on_state(NodeState.READY)
            await node.wait_for(accepted.run_id)

    asyncio.run(story())


def test_a_flood_of_events_is_kept_whole_and_in_order(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        events = await node.ledger.events(run.id, limit=5000)
        assert [event.seq for event in events] == list(range(1, 3002))
        assert events[-1].data == '{"event": {"kind": "ok", "message": "2999"}}'

    tell(tmp_path, make_desk(tmp_path, "tell 3000"), story)


@pytest.mark.timeout(20)
def test_a_stop_at_the_very_moment_of_news_is_a_stop(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")
    desk.obstacle = NotYetError("waiting: playbook repository")

    async def story(node: Node) -> None:
        accepted = await node.ring("lab-proxy")
        await node.until(accepted.run_id, lambda found: found.status is RunStatus.QUEUED)
        await asyncio.sleep(0.02)  # it waits for news, or until that host is due
        await node.reconciler.on_state(NodeState.READY)  # which is news
        await asyncio.sleep(0)  # it was heard, and not acted upon yet; with this the node is stopped

    for _ in range(5):
        tell(tmp_path, desk, story)


def test_what_a_killed_worker_left_is_gone_with_the_next_one_of_any_host(tmp_path: Path) -> None:
    left_over = ROOM / "lab-lost"
    (left_over / "artifacts").mkdir(parents=True)

    async def story(node: Node) -> None:
        await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert not left_over.exists()

    tell(tmp_path, make_desk(tmp_path, "nothing"), story)


def test_a_worker_that_ends_without_a_word_is_a_failure(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, "nothing")
    desk.argv = ("true",)

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "its worker ended without a word")

    tell(tmp_path, desk, story)
    desk.argv = (str(tmp_path / "missing"),)

    async def missing(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy", "i2")).run_id)
        assert "no worker can be started" in run.problem

    (tmp_path / "second").mkdir()
    tell(tmp_path / "second", desk, missing)


@dataclass
class SlowLauncher:
    """Its workers do nothing, and take their time to be gone."""

    there: int = 0
    most: int = 0

    async def launch(self) -> SlowChannel:
        self.there += 1
        self.most = max(self.most, self.there)
        return SlowChannel(self)


@dataclass
class SlowChannel:
    launcher: SlowLauncher
    is_open: bool = True

    async def hand_over(self, job: Job) -> None:
        """It plays nothing."""

    async def __aiter__(self) -> AsyncIterator[dict[str, object]]:
        yield {"end": {"status": "successful"}}

    async def cancel(self) -> None:
        """It is over at once anyway."""

    async def close(self) -> None:
        await asyncio.sleep(0.5)
        self.launcher.there -= 1


@dataclass
class HesitantDesk(Desk):
    """Has to wait once."""

    launcher: SlowLauncher = field(default_factory=SlowLauncher)
    asked: int = 0

    async def prepare(self, turn: Turn) -> Job:
        self.asked += 1
        if self.asked == 1:
            raise NotYetError("waiting: vault repository")
        return await super().prepare(turn)

    def find_launcher(self, environment: str) -> Launcher:
        assert environment == "lab"
        return self.launcher


def test_a_run_that_had_to_wait_is_not_begun_again_before_its_worker_is_gone(tmp_path: Path) -> None:
    desk = HesitantDesk(make_job(tmp_path))

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert run.status is RunStatus.SUCCESSFUL

    tell(tmp_path, desk, story)
    assert (desk.launcher.most, desk.launcher.there) == (1, 0)


def find_commands(command: str) -> list[int]:
    """Descendants of this process, or orphans, with that command line (its words parted by NUL)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            found += [int(entry.name)] if text.rstrip("\x00") == command else []
    return found
