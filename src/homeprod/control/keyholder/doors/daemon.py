"""The daemon's door: the state, and which runs are open. Nothing secret goes out of it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from homeprod.control.keyholder.errors import KeyholderError, WireError
from homeprod.control.keyholder.keyholder import Keyholder
from homeprod.control.keyholder.sockets.listener import receive_message
from homeprod.control.keyholder.sockets.peer import Peer, User
from homeprod.control.keyholder.sockets.refusal import describe
from homeprod.control.keyholder.sockets.wire import Message, encode
from homeprod.control.state import NodeState

SECONDS = 10.0
"""For a request to come."""
log = logging.getLogger("homeprod.keyholder")


class DaemonDoor:
    def __init__(self, keyholder: Keyholder, owner: User) -> None:
        self._keyholder = keyholder
        self._owner = owner
        self._watchers = 0

    async def serve(self, connection: socket.socket, peer: Peer) -> None:
        if peer.uid not in (0, os.geteuid(), self._owner.uid):
            log.warning("the daemon's socket: refused user %s, process %s", peer.name, peer.pid)
            return
        try:
            message = await receive_message(connection, SECONDS)
            if message.fields.get("verb") == "watch":
                await self._watch(connection)
                return
            answer = self._answer(message)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client is told and the door stays)
            answer = describe(error)
        await asyncio.wait_for(_send(connection, answer), SECONDS)

    def _answer(self, message: Message) -> dict[str, Any]:
        verb = message.fields.get("verb")
        if verb == "status":
            return {"ok": True, **self._keyholder.describe()}
        if verb == "open-run":
            return {"ok": True, "nonce": self._open_run(message)}
        if verb == "close-run":
            return {"ok": True, "was_open": self._keyholder.runs.close(message.take_text("nonce"))}
        raise WireError(f"the daemon cannot ask for {verb!r}", hint="it may ask: status, watch, open-run, close-run")

    def _open_run(self, message: Message) -> str:
        """Only for the user whose runs of that environment are."""
        environment, run, uid = message.take_text("environment"), message.take_text("run"), message.fields.get("uid")
        if type(uid) is not int:
            raise WireError("uid is no number")
        self._keyholder.check_run(environment, uid)
        nonce = self._keyholder.runs.open(environment, run, uid)
        log.info("run %r of %s is open", run, environment)
        return nonce

    async def _watch(self, connection: socket.socket) -> None:
        """A line now and at each change. When the last watcher goes, so did the daemon, and its runs with it."""
        self._watchers += 1
        gone = asyncio.create_task(_await_end(connection))
        try:
            while not gone.done():
                changed = asyncio.create_task(self._keyholder.standing.find_next_change().wait())
                await asyncio.wait_for(_send(connection, {"ok": True, **self._keyholder.describe()}), SECONDS)
                await asyncio.wait({changed, gone}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            gone.cancel()
            self._watchers -= 1
            self._forget_runs()

    def _forget_runs(self) -> None:
        if self._watchers == 0 and self._keyholder.standing.state is NodeState.READY:
            closed = self._keyholder.runs.close_all()
            if closed:
                log.warning("the daemon is gone: %s open runs are closed", closed)


async def _await_end(connection: socket.socket) -> None:
    try:
        while await asyncio.get_running_loop().sock_recv(connection, 512):
            pass
    except OSError:
        return


async def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    try:
        await asyncio.get_running_loop().sock_sendall(connection, encode(answer))
    except TimeoutError as error:
        raise KeyholderError("the daemon does not read") from error
