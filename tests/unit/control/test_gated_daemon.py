"""The daemon with a gate before its environment: the real Ansible, a vault, records that are really signed."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.repositories.origin import Setting
from tests.unit.control.runs.node import start_workers
from tests.unit.control.test_daemon import is_current, ring, until, wait_for

from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.runs.backoff import Backoff
from homeprod.control.settings import PromotionSettings
from homeprod.control.state import NodeState
from homeprod.control.upkeep import upkeeper
from homeprod.drivers.playbooks import read_step
from homeprod.drivers.records import Records
from homeprod.drivers.recordsigner import open_record_signer
from homeprod.promotion.closure import find_closures
from homeprod.promotion.record import Trial

pytestmark = pytest.mark.slow


def sign_trial(setting: Setting) -> None:
    """A green one of the head, for the host, as a person at their own clone signs it."""
    head = setting.playbooks.git("rev-parse", "HEAD")
    closure = find_closures(read_step(setting.playbooks.folder, "HEAD..HEAD", setting.vault.folder).revisions[1])
    now = time.time()
    trial = Trial(
        environment="lab",
        revision=head,
        at=now,
        host="lab-proxy",
        digest=closure["lab-proxy"].digest,
        result="green",
        tried_on="lab-proxy",
        place="stand-in",
        expires=now + 3600,
    )
    people = {one.person: (one.key,) for one in setting.settings.signers}
    signer = open_record_signer(people, {"HOMEPROD_RING_KEY": str(setting.key)}, outside=setting.playbooks.folder)
    Records(setting.playbooks.folder, people).append([trial], signer)


def test_what_was_tried_is_what_there_is_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("CALM", 0.0), ("_PAUSE", 0.05), ("_SPREAD", 0.0)):
        monkeypatch.setattr(upkeeper, name, seconds)
    setting = Setting.make(tmp_path)
    setting.playbooks.git("config", "user.name", "Sean")
    setting.playbooks.git("config", "user.email", "sean@example.org")
    gate = (setting.settings.environments[0].model_copy(update={"promotion": PromotionSettings()}),)
    setting = replace(setting, settings=setting.settings.model_copy(update={"environments": gate}))
    setting.places.settings.write_text(setting.settings.model_dump_json())

    async def story(node: ControlNode) -> None:
        number = (await node.ledger.ring(ring(1))).run_id

        async def is_held() -> bool:
            host = await node.ledger.host("lab-proxy")
            return host.state is HostState.DUE and host.problem.startswith("held at the gate: ")

        await until(is_held)
        sign_trial(setting)
        node.knock()
        run = await wait_for(node, number)
        assert (run.status, run.problem, len(run.digest)) == (RunStatus.SUCCESSFUL, "", 64)
        first = run.revision
        setting.playbooks.commit({"group_vars/all.yml": "more: of it\n"})
        node.knock()

        async def has_trouble() -> bool:
            return "lab: a revision is held at the gate" in [one.about for one in node.troubles()]

        await until(has_trouble)
        assert (await node.ledger.host("lab-proxy")).applied_revision == first
        sign_trial(setting)
        node.knock()

        async def is_there() -> bool:
            host = await node.ledger.host("lab-proxy")
            return host.applied_revision not in ("", first) and await is_current(node)

        await until(is_there)
        await until(lambda: is_done(node))
        assert node.troubles() == ()
        (last,) = await node.ledger.runs(1, kind="configure")
        assert last.rung_by == "promotion"

    async def run() -> None:
        keyholder = FakeKeyholder(setting.places.vault_socket("lab"), b"secret", NodeState.READY)
        node = ControlNode(
            setting.places, keyholder, lambda _: start_workers(), lambda _: os.getuid(), Backoff(0.1, 0.2)
        )
        async with await keyholder.serve(), node.run():
            await story(node)

    asyncio.run(run())


async def is_done(node: ControlNode) -> bool:
    return [one.rollout.state.value for one in node.promotions()] == ["done"]
