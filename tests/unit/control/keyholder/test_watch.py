"""What the daemon sees: the state as it changes, and that its runs end with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from tests.keyholder_node import ME, PASSPHRASE, KeyholderNode

from homeprod.control.keyholder.watch import KeyholderWatch, StandingReport
from homeprod.control.state import NodeState

LIMIT = 30.0


async def next_of(standings: AsyncIterator[StandingReport]) -> StandingReport:
    async with asyncio.timeout(LIMIT):
        return await anext(standings)


async def ask(node: KeyholderNode, verb: str, **options: object) -> None:
    await asyncio.to_thread(node.ask, verb, **options)


def test_a_watch_sees_every_state_and_outlives_the_keyholder(node: KeyholderNode) -> None:
    async def follow() -> list[tuple[str, bool]]:
        watch = KeyholderWatch(node.places.daemon_socket)
        standings = watch.watch()
        seen = [await next_of(standings)]
        await asyncio.to_thread(node.start)
        seen.append(await next_of(standings))
        await ask(node, "unlock", passphrase=PASSPHRASE)
        seen.append(await next_of(standings))
        assert seen[-1].administrators == (ME,)
        assert await watch.status() == seen[-1]
        await ask(node, "lock")
        seen.append(await next_of(standings))
        seen.append(await next_of(standings))
        node.wait()
        await asyncio.to_thread(node.start)
        seen.append(await next_of(standings))
        await standings.aclose()  # type: ignore[attr-defined]
        return [(one.state.value, one.is_reachable) for one in seen]

    assert asyncio.run(follow()) == [
        ("Locked", False),
        ("Locked", True),
        ("Ready", True),
        ("Locked", True),
        ("Locked", False),
        ("Locked", True),
    ]


def test_a_killed_keyholder_is_seen_as_locked(node: KeyholderNode) -> None:
    async def follow() -> StandingReport:
        standings = KeyholderWatch(node.places.daemon_socket).watch()
        assert (await next_of(standings)).state is NodeState.READY
        assert node.process is not None
        node.process.kill()
        return await next_of(standings)

    node.make_ready()
    seen = asyncio.run(follow())
    assert (seen.state, seen.is_reachable) == (NodeState.LOCKED, False)


def test_the_runs_of_a_daemon_that_is_gone_are_closed(node: KeyholderNode) -> None:
    async def follow() -> None:
        watch = KeyholderWatch(node.places.daemon_socket)
        standings = watch.watch()
        await next_of(standings)
        nonce = await watch.open_run("lab", "7", os.geteuid())
        assert node.client.ask("status").fields["open_runs"] == 1
        await standings.aclose()  # type: ignore[attr-defined]  # as when the daemon's process ends
        async with asyncio.timeout(LIMIT):
            while node.client.ask("status").fields["open_runs"]:
                await asyncio.sleep(0.01)
        assert not await watch.close_run(nonce)

    node.make_ready()
    asyncio.run(follow())
    assert "the daemon is gone: 1 open runs are closed" in node.log.read_text()


def test_a_daemon_that_reads_nothing_holds_up_nobody(node: KeyholderNode) -> None:
    async def stall() -> None:
        _, writer = await asyncio.open_unix_connection(node.places.daemon_socket)
        writer.write(b'{"verb": "watch"}\n')
        await writer.drain()
        await ask(node, "unlock", passphrase=PASSPHRASE)
        writer.close()

    node.start()
    asyncio.run(stall())
    assert node.state() == "Ready"
