"""The daemon put together: states, repositories, ledger and real workers; only the keyholder is ours."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.repositories.origin import Setting
from tests.unit.control.runs.node import start_workers

from homeprod.control import daemon
from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import HostState, Ring, Run, RunStatus
from homeprod.control.inventory import InventoryHost
from homeprod.control.repositories import repositories
from homeprod.control.runs.backoff import Backoff
from homeprod.control.settings import UpkeepSettings
from homeprod.control.state import NodeState
from homeprod.control.upkeep import upkeeper

pytestmark = pytest.mark.slow

KEY = "ssh-ed25519 AAAA"
Story = Callable[[ControlNode, FakeKeyholder], Awaitable[None]]


def tell(setting: Setting, story: Story, state: NodeState = NodeState.READY, password: bytes = b"secret") -> None:
    """Tell ``story`` with a node whose keyholder is in ``state``."""
    setting.places.settings.write_text(setting.settings.model_dump_json())

    async def run() -> None:
        keyholder = FakeKeyholder(setting.places.vault_socket("lab"), password, state)
        node = ControlNode(
            setting.places, keyholder, lambda _: start_workers(), lambda _: os.getuid(), Backoff(0.1, 0.2)
        )
        async with await keyholder.serve(), node.run():
            await story(node, keyholder)

    asyncio.run(run())


def ring(number: int, host: str = "lab-proxy", environment: str = "lab") -> Ring:
    return Ring(f"msg_{number}", host, environment, f"i{number}", (KEY,), "sean", f"digest {number}")


async def wait_for(node: ControlNode, run: int) -> Run:
    async with asyncio.timeout(60):
        while not (found := await node.ledger.run(run)).status.is_final:
            await asyncio.sleep(0.02)
    return found


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.02)


def test_a_host_that_was_rung_for_before_anything_was_known_is_configured_after_the_unlock(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        await node.ledger.note_wanted(ring(1, environment=""))
        keyholder.turn(NodeState.READY)

        async def is_configured() -> bool:
            return (await node.ledger.host("lab-proxy")).applied_instance == "i1"

        await until(is_configured)
        assert (await node.ledger.host("lab-proxy")).environment == "lab"

    tell(setting, story, NodeState.LOCKED)


def test_a_ring_while_ready_configures_the_host(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        run = await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
        assert run.revision == setting.playbooks.git("rev-parse", "HEAD")
        assert (node.troubles(), keyholder.nonces) == ((), {})
        assert set(node.inventory()) == {"lab-proxy", "prod-proxy"}

    tell(setting, story)


def test_while_locked_nothing_is_fetched_or_run_and_unlock_configures_what_was_noted(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        await node.ledger.note_wanted(ring(1))
        await asyncio.sleep(0.1)
        assert (node.inventory(), await node.ledger.runs()) == ({}, [])
        assert not (setting.places.cache / "git").exists()
        keyholder.turn(NodeState.READY)
        await until(lambda: is_current(node))
        run = (await node.ledger.runs())[0]
        assert (run.rung_by, run.status) == ("unlock", RunStatus.SUCCESSFUL)
        keyholder.turn(NodeState.LOCKED)
        await until(lambda: has_state(node, NodeState.LOCKED))

    tell(setting, story, NodeState.LOCKED)


def test_a_repository_that_refuses_makes_runs_wait_and_is_tried_again(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    away = tmp_path / "away"
    setting.vault.folder.rename(away)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        accepted = await node.ledger.ring(ring(1))
        await until(lambda: has_problem(node, "waiting: vault repository: there is none at that address"))
        host, [trouble] = await node.ledger.host("lab-proxy"), node.troubles()
        assert host.state in (HostState.DUE, HostState.RUNNING)
        assert (trouble.about, trouble.since <= time.time()) == ("vault repository", True)
        # Another reason now: it waits since the first all the same.
        subprocess.run(("git", "init", "--quiet", str(setting.vault.folder)), check=True)
        await until(lambda: has_problem_unlike(node, trouble.text))
        assert [(one.about, one.since) for one in node.troubles()] == [(trouble.about, trouble.since)]
        shutil.rmtree(setting.vault.folder)
        away.rename(setting.vault.folder)
        run = await wait_for(node, accepted.run_id)
        assert (run.status, run.attempt) == (RunStatus.SUCCESSFUL, 1)
        assert (node.troubles(), keyholder.nonces) == ((), {})

    tell(setting, story)


def test_hosts_that_are_not_this_nodes_are_refused_in_words(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        for number, host in enumerate(("nobody", "prod-proxy")):
            run = await wait_for(node, (await node.ledger.ring(ring(number, host))).run_id)
            assert "the inventory has no such host in lab" in run.problem
        assert (await node.ledger.host("nobody")).state is HostState.FAILED

    tell(setting, story)


def test_hosts_that_were_rung_for_while_locked_and_are_not_this_nodes_are_not_tried_for_ever(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        for number, host in enumerate(("nobody", "prod-proxy")):
            await node.ledger.note_wanted(ring(number, host, ""))
        keyholder.turn(NodeState.READY)

        async def are_refused() -> bool:
            return {host.state for host in await node.ledger.hosts()} == {HostState.FAILED}

        await until(are_refused)
        problems = {host.name: host.problem.splitlines()[0] for host in await node.ledger.hosts()}
        assert problems["nobody"] == "the inventory has no such host (nobody)"
        assert problems["prod-proxy"] == "this control node has no such environment (prod)"

    tell(setting, story, NodeState.LOCKED)


def test_an_unsigned_head_never_runs_and_the_believed_one_goes_on(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        first = await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        setting.playbooks.commit({"site.yml": "evil\n"}, is_signed=False)
        second = await wait_for(node, (await node.ledger.ring(ring(2))).run_id)
        assert (second.status, second.revision) == (RunStatus.SUCCESSFUL, first.revision)
        assert "is not signed" in node.troubles()[0].text

    tell(setting, story)


def test_the_site_may_change_its_policy_by_a_commit(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    rendered = setting.settings.model_copy(update={"rekey": "allow"}).model_dump_json()
    setting.playbooks.commit({"site/lab-ansible.json": rendered})

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        assert (node.settings().rekey, node.ledger.rekey) == ("allow", "allow")
        before = node.settings()
        setting.playbooks.commit({"site.yml": "[]\n"})
        await node.look_again()
        assert node.settings() is before, "it is a new value only where it has changed"
        changed = rendered.replace('"allow"', '"ask"')
        setting.playbooks.commit({"site/lab-ansible.json": changed, "site/inventory.yml": "all: {hosts: {}}\n"})
        assert set(node.inventory()) == {"lab-proxy", "prod-proxy"}
        await node.look_again()
        assert (node.settings().rekey, node.ledger.rekey, dict(node.inventory())) == ("ask", "ask", {})
        setting.playbooks.commit({}, is_signed=False)
        await node.look_again()
        assert "is not signed" in node.troubles()[0].text

    tell(setting, story)


def test_a_mistake_of_our_own_while_fetching_makes_runs_wait_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Setting.make(tmp_path)
    real, is_wrong = repositories.read_inventory, True

    def read(file: Path) -> Mapping[str, InventoryHost]:
        if is_wrong:
            raise ZeroDivisionError
        return real(file)

    monkeypatch.setattr(repositories, "read_inventory", read)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        nonlocal is_wrong
        accepted = await node.ledger.ring(ring(1))
        await until(lambda: has_problem(node, "waiting: a mistake of the control node's own: ZeroDivisionError"))
        keyholder.turn(NodeState.LOCKED)
        await until(lambda: has_state(node, NodeState.LOCKED))
        is_wrong = False
        keyholder.turn(NodeState.READY)
        assert (await wait_for(node, accepted.run_id)).status is RunStatus.SUCCESSFUL

    tell(setting, story)


def test_the_node_follows_the_keyholder_whatever_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting.make(tmp_path)
    monkeypatch.setattr(daemon, "_PAUSE", 0.05)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        real, failing = node._reconciler.on_state, 1

        async def fail_once(state: NodeState) -> None:
            nonlocal failing
            failing -= 1
            if failing == 0:
                raise ZeroDivisionError
            await real(state)

        monkeypatch.setattr(node._reconciler, "on_state", fail_once)
        keyholder.turn(NodeState.READY)
        accepted = await node.ledger.ring(ring(1))
        assert (await wait_for(node, accepted.run_id)).status is RunStatus.SUCCESSFUL

    tell(setting, story, NodeState.LOCKED)


async def has_problem_unlike(node: ControlNode, text: str) -> bool:
    return [one.text for one in node.troubles()] not in ([], [text])


async def is_current(node: ControlNode) -> bool:
    return (await node.ledger.host("lab-proxy")).is_current


async def has_state(node: ControlNode, state: NodeState) -> bool:
    return node.state() is state


async def has_problem(node: ControlNode, text: str) -> bool:
    return text in [one.text for one in node.troubles()]


def test_a_knock_has_the_node_fetch_and_a_signed_push_is_what_there_is_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeper, "CALM", 0.0)
    monkeypatch.setattr(upkeeper, "_PAUSE", 0.05)
    monkeypatch.setattr(upkeeper, "_SPREAD", 0.0)
    setting = Setting.make(tmp_path)
    kept = (setting.settings.environments[0].model_copy(update={"upkeep": UpkeepSettings(policy="converge")}),)
    setting = replace(setting, settings=setting.settings.model_copy(update={"environments": kept}))

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        first = await wait_for(node, (await node.ledger.ring(ring(1))).run_id)

        async def is_checked() -> bool:
            [keeping] = await node.keepings()
            return (keeping.drift, keeping.host.state) == (0, HostState.IDLE)

        await until(is_checked)
        unsigned = setting.playbooks.commit({"site.yml": "- hosts: all\n"}, is_signed=False)
        node.knock()
        await until(lambda: has_trouble(node, "playbook repository"))
        assert (await node.ledger.host("lab-proxy")).applied_revision == first.revision != unsigned
        setting.playbooks.git("reset", "-q", "--hard", first.revision)
        head = setting.playbooks.commit({"note": "signed"})
        node.knock()

        async def is_there() -> bool:
            [keeping] = await node.keepings()
            known = keeping.condition
            return keeping.host.applied_revision == head and known is not None and known.revision == head

        await until(is_there)
        run = (await node.ledger.runs(kind="configure"))[0]
        assert (run.rung_by, run.revision, node.troubles()) == ("upkeep", head, ())

    tell(setting, story)


async def has_trouble(node: ControlNode, about: str) -> bool:
    return about in [one.about for one in node.troubles()]


def test_pictures_are_those_of_the_head_that_is_believed(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    setting.playbooks.commit({"site/pictures/network.svg": "<svg>first</svg>"})

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        setting.playbooks.commit({"site/pictures/network.svg": "<svg>evil</svg>"}, is_signed=False)
        await node.look_again()
        assert {name: file.read_text() for name, file in node.pictures().items()} == {
            "network.svg": "<svg>first</svg>"
        }

    tell(setting, story)
