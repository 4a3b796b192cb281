"""The authority's door: a run of an environment has a request for a certificate signed. The key stays here.

It is used in a forked child, since the cryptography would stay in the keyholder's memory, and copies of the key.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.held.runs import OpenRuns
from homeprod.control.keyholder.sealed.apart import Outcome, work_apart
from homeprod.control.keyholder.sockets.listener import receive_message
from homeprod.control.keyholder.sockets.peer import Peer
from homeprod.control.keyholder.sockets.refusal import describe
from homeprod.control.keyholder.sockets.wire import encode

SECONDS = 5.0
"""For a request to come, and for an answer to be taken."""
log = logging.getLogger("homeprod.keyholder")


@dataclass(frozen=True, slots=True)
class AuthorityDoor:
    """One environment's: ``authorities`` are all that are held."""

    environment: str
    authorities: dict[str, bytearray] = field(repr=False)
    runs: OpenRuns

    async def serve(self, connection: socket.socket, peer: Peer) -> None:
        """One request, one answer. Whoever asks says the nonce of a run that is open."""
        try:
            message = await receive_message(connection, SECONDS)
            run = self.runs.find(self.environment, peer.uid, message.take_text("nonce").encode())
            if run is None:
                log.warning("authority %s: refused user %s, process %s", self.environment, peer.name, peer.pid)
                raise KeyholderError("it signs for runs that are open, and this is none", kind="DeniedError")
            chain = await self._sign(message.take_text("request"))
            log.info("authority %s: signed for run %r", self.environment, run.run)
            answer = encode({"ok": True, "chain": chain})
        except TimeoutError:
            return  # it said nothing in time
        except Exception as error:  # noqa: BLE001 (whatever it is, the run is told and the door stays)
            answer = encode(describe(error))
        async with asyncio.timeout(SECONDS):
            await asyncio.get_running_loop().sock_sendall(connection, answer)

    async def _sign(self, request: str) -> str:
        """Raises KeyholderError."""
        held = self.authorities.get(self.environment)
        if held is None:
            hint = f"make it, on the control node:\n\n  homeprod control authority make {self.environment} ZONE"
            raise KeyholderError(f"{self.environment} has no authority of its own", hint=hint)
        answer = await work_apart(lambda: _sign(held, request))
        return answer.take_text("chain")


def _sign(held: bytearray, request: str) -> Outcome:
    """In the child."""
    from homeprod.network.certificates.authority import Authority, sign_request

    return Outcome({"chain": sign_request(Authority.parse(bytes(held)), request.encode(), datetime.now(UTC))})
