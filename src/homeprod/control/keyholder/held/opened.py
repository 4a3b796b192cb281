"""Opened: what there is while the node is Ready: an agent and a vault socket an environment, an agent for git."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from homeprod.control.keyholder.held.agents import Agent, start_agent
from homeprod.control.keyholder.held.authority import AuthorityDoor
from homeprod.control.keyholder.held.holdings import Holding
from homeprod.control.keyholder.held.runs import OpenRuns
from homeprod.control.keyholder.sockets.listener import Listener, make_passage
from homeprod.control.keyholder.sockets.peer import Peer
from homeprod.control.keyholder.sockets.wire import wipe
from homeprod.control.places import Places

NONCE_LIMIT = 256
SECONDS = 5.0
"""For a run to say its nonce."""
log = logging.getLogger("homeprod.keyholder")


class Opened:
    """``on_loss`` is called when an agent ends though nobody asked it to."""

    def __init__(self, places: Places, runs: OpenRuns, on_loss: Callable[[str], None]) -> None:
        self._places = places
        self._runs = runs
        self._on_loss = on_loss
        self._agents: dict[str, Agent] = {}
        self._doors: dict[str, list[Listener]] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self.passwords: dict[str, bytearray] = {}
        self.next_passwords: dict[str, bytearray] = {}
        self._authorities: dict[str, bytearray] = {}

    @property
    def _held(self) -> tuple[dict[str, bytearray], ...]:
        return self.passwords, self.next_passwords, self._authorities

    async def start(self, holdings: list[Holding]) -> None:
        """All or nothing. Raises ControlError."""
        places = self._places
        for path in (places.agent_socket("x"), places.vault_socket("x"), places.authority_socket("x")):
            make_passage(path.parent)
        try:
            await self.hold(holdings)
        except BaseException:
            await self.end()
            raise

    async def hold(self, holdings: list[Holding]) -> None:
        """These, in place of what was held; runs that are open stay so. The SSH keys are zeroed here: only the agents
        have them; so are passwords that it did not come to. Raises ControlError."""
        try:
            for holding in holdings:
                await self._hold_one(holding)
        finally:
            for holding in holdings:
                holding.wipe_but([one for held in self._held for one in held.values()])

    async def _hold_one(self, holding: Holding) -> None:
        name = holding.name
        if name in self._agents:
            await self._agents[name].load(holding.keys)
        else:
            agent = await start_agent(name, self._places.agent_socket(name), holding.user, holding.keys)
            self._agents[name] = agent
            self._watching.add(asyncio.create_task(self._watch(agent)))
        _replace(self.next_passwords, name, holding.next_password)
        _replace(self.passwords, name, holding.password)
        _replace(self._authorities, name, holding.authority)
        if holding.password is not None and name not in self._doors:
            vault = _Door(name, self.passwords, self._runs)
            authority = AuthorityDoor(name, self._authorities, self._runs)
            user = holding.user
            self._doors[name] = [
                Listener(self._places.vault_socket(name), vault.serve, uid=user.uid, gid=user.gid),
                Listener(self._places.authority_socket(name), authority.serve, uid=user.uid, gid=user.gid),
            ]

    async def _watch(self, agent: Agent) -> None:
        await agent.process.wait()
        self._on_loss(agent.name)

    async def end(self) -> None:
        """Nothing of it is left afterwards: agents dead, sockets gone, passwords zeroed."""
        for task in self._watching:
            task.cancel()
        for door in [door for doors in self._doors.values() for door in doors]:
            door.close()
        for held in self._held:
            for name in list(held):
                _replace(held, name, None)
        for agent in self._agents.values():
            agent.end()
        await asyncio.gather(*(agent.process.wait() for agent in self._agents.values()))
        self._agents.clear()


def _replace(held: dict[str, bytearray], name: str, secret: bytearray | None) -> None:
    if name in held:
        wipe(held.pop(name))
    if secret is not None:
        held[name] = secret


@dataclass(frozen=True, slots=True)
class _Door:
    """A vault socket: a line with a nonce, then the password; or nothing."""

    environment: str
    passwords: dict[str, bytearray]
    runs: OpenRuns

    async def serve(self, connection: socket.socket, peer: Peer) -> None:
        async with asyncio.timeout(SECONDS):
            nonce = await _read_line(connection)
            run = self.runs.find(self.environment, peer.uid, nonce) if nonce else None
            if run is None:
                log.warning("vault %s: refused user %s, process %s", self.environment, peer.name, peer.pid)
                return
            await asyncio.get_running_loop().sock_sendall(connection, self.passwords[self.environment])
        log.info("vault %s: answered run %r, process %s", self.environment, run.run, peer.pid)


async def _read_line(connection: socket.socket) -> bytes:
    """Empty where there came none of a fit length."""
    loop, line = asyncio.get_running_loop(), b""
    while len(line) < NONCE_LIMIT:
        part = await loop.sock_recv(connection, NONCE_LIMIT - len(line))
        line += part
        if not part or b"\n" in part:
            break
    return line.partition(b"\n")[0] if b"\n" in line else b""
