"""The daemon's client: what state the node is in, as it changes, and which runs may ask for a vault password."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeprod.control.keyholder.errors import AbsentKeyholderError, WireError
from homeprod.control.keyholder.sockets.refusal import raise_refusal
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.state import NodeState

AGAIN = 0.5
"""Seconds between two tries to reach a keyholder that is away."""
SECONDS = 30.0
"""For an answer."""


@dataclass(frozen=True, slots=True)
class StandingReport:
    """``since`` in seconds since 1970; ``is_reachable`` is false while the keyholder is away: nothing is open then,
    so the node counts as Locked."""

    state: NodeState
    since: int
    administrators: tuple[str, ...] = ()
    waiting: str = ""
    is_reachable: bool = True


class KeyholderWatch:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def status(self) -> StandingReport:
        """Raises KeyholderError."""
        return _read_standing(await self._ask({"verb": "status"}))

    async def open_run(self, environment: str, run: str, uid: int) -> str:
        """The nonce with which the run asks for its environment's vault password. Raises KeyholderError."""
        answer = await self._ask({"verb": "open-run", "environment": environment, "run": run, "uid": uid})
        return str(answer["nonce"])

    async def close_run(self, nonce: str) -> bool:
        """Whether it was open. Raises KeyholderError; where nobody answers, nothing is open."""
        try:
            return bool((await self._ask({"verb": "close-run", "nonce": nonce}))["was_open"])
        except AbsentKeyholderError:
            return False

    async def watch(self) -> AsyncIterator[StandingReport]:
        """The state now and at each change, for ever. The keyholder closes all open runs when this ends."""
        last_seen: StandingReport | None = None
        while True:
            try:
                async for standing in self._follow():
                    last_seen = standing
                    yield standing
            except (AbsentKeyholderError, WireError):
                pass  # away: said below
            if last_seen is None or last_seen.is_reachable:
                since = last_seen.since if last_seen is not None else 0
                last_seen = StandingReport(
                    NodeState.LOCKED, since, waiting="for the keyholder to start", is_reachable=False
                )
                yield last_seen
            await asyncio.sleep(AGAIN)

    async def _follow(self) -> AsyncIterator[StandingReport]:
        reader, writer = await self._connect()
        try:
            writer.write(_line({"verb": "watch"}))
            while line := await reader.readline():
                yield _read_standing(_parse(line))
        except OSError:
            return
        finally:
            writer.close()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(SECONDS):
                writer.write(_line(request))
                return _parse(await reader.readline())
        except (OSError, TimeoutError) as error:
            raise self._explain(error) from error
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise self._explain(error) from error

    def _explain(self, error: OSError | TimeoutError) -> AbsentKeyholderError:
        reason = error.strerror or "it said nothing in time"
        hint = "see why it does not run:\n\n  systemctl status homeprod-keyholder"
        return AbsentKeyholderError(f"the keyholder does not answer: {reason}", where=str(self._path), hint=hint)


def _line(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode() + b"\n"


def _parse(line: bytes) -> dict[str, Any]:
    """Raises KeyholderError: what was refused, or that this is no answer."""
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise WireError("the keyholder's answer is cut off") from error
    raise_refusal(Message(answer))
    return dict(answer)


def _read_standing(answer: dict[str, Any]) -> StandingReport:
    return StandingReport(
        NodeState(answer["state"]), answer["since"], tuple(answer["administrators"]), str(answer["waiting"])
    )
