"""A keyholder for tests: says the state that it is told, and answers the vault password to runs that are open.

The real one needs root for its agents and users; what it does is proven in its own tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.control.keyholder.watch import StandingReport
from homeprod.control.state import NodeState


@dataclass
class FakeKeyholder:
    socket: Path
    password: bytes = b""
    state: NodeState = NodeState.LOCKED
    nonces: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def turn(self, state: NodeState) -> None:
        self.state = state
        self.changed.set()

    async def watch(self) -> AsyncIterator[StandingReport]:
        while True:
            self.changed.clear()
            yield StandingReport(self.state, 1_700_000_000)
            await self.changed.wait()

    async def open_run(self, environment: str, run: str, uid: int) -> str:
        nonce = f"nonce-{environment}-{run}-{uid}"
        self.nonces[nonce] = run
        return nonce

    async def close_run(self, nonce: str) -> bool:
        return self.nonces.pop(nonce, None) is not None

    async def serve(self) -> asyncio.Server:
        """The vault socket of the environment."""
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        return await asyncio.start_unix_server(self._answer, self.socket)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        nonce = (await reader.readline()).decode().strip()
        writer.write(self.password if nonce in self.nonces else b"")
        await writer.drain()
        writer.close()
