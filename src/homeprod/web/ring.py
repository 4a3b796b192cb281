"""POST /hooks/provision: a machine is there."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from homeprod.control.hosts.errors import ConflictingIdError, HeldKeyError, StorageError, UnknownHostError
from homeprod.control.hosts.host import Ring
from homeprod.control.inventory import Place
from homeprod.control.state import NodeState
from homeprod.core.refusal import Refusal
from homeprod.web.answer import RefusedError, send
from homeprod.web.body import parse_object
from homeprod.web.node import Node
from homeprod.web.signature import Caller, Guard, read_ed25519

PATH = "/hooks/provision"
LOCKED_SECONDS, NEW_SECONDS, STORAGE_SECONDS, LOOKING_SECONDS = 60, 60, 10, 5
"""What Retry-After says."""
LOOK_SECONDS = 10.0
"""For a newer inventory to be there, before whoever rings is asked to come again."""
MOST_KEYS = 8
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a ring says, as it was sent; :meth:`require_fit` says whether it can be right."""

    host: str
    instance: str
    ssh_host_keys: tuple[str, ...]

    def require_fit(self) -> Wish:
        """The same with its keys as ``ssh-ed25519 AAAA…``, comments gone. Raises RefusedError."""
        if not _NAME.fullmatch(self.host):
            raise RefusedError(Refusal.UNFIT, message="the host's name is none")
        if not _INSTANCE.fullmatch(self.instance):
            raise RefusedError(Refusal.UNFIT, message="the instance is none")
        keys = tuple(_normalize(line) for line in self.ssh_host_keys)
        if len(keys) > MOST_KEYS or None in keys:
            raise RefusedError(Refusal.UNFIT, message="the keys are not what an ssh_host_ed25519_key.pub holds")
        return Wish(self.host, self.instance, tuple(key for key in keys if key))


def parse_wish(body: bytes) -> Wish:
    """Raises RefusedError."""
    value = parse_object(body)
    match value:
        case {"host": str(host), "instance": str(instance), "ssh_host_keys": [*keys], **rest} if not rest:
            if all(isinstance(key, str) for key in keys):
                return Wish(host, instance, tuple(keys))
    raise RefusedError(Refusal.MALFORMED)


def _normalize(line: str) -> str | None:
    words = line.split(" ", 2)
    if len(words) < 2 or read_ed25519(words[0], words[1].rstrip("\n")) is None:
        return None
    return f"{words[0]} {words[1].rstrip()}"


class Bell:
    def __init__(self, node: Node, guard: Guard) -> None:
        self._node, self._guard = node, guard

    async def ring(self, caller: Caller, wish: Wish, body: bytes) -> web.Response:
        """Raises RefusedError."""
        state = self._node.state()
        if state not in (NodeState.LOCKED, NodeState.READY):
            raise RefusedError(Refusal.NEW, retry_after=NEW_SECONDS, **self._name_node())
        if state is NodeState.LOCKED:
            await self._note(self._make_ring(caller, wish, body, await self._guess_environment(wish.host)))
            raise RefusedError(Refusal.LOCKED, retry_after=LOCKED_SECONDS, **self._name_node())
        place = await self._require_place(wish.host)
        return await self._accept(self._make_ring(caller, wish, body, place.environment))

    def _name_node(self) -> dict[str, Any]:
        return {"node": self._node.settings().node}

    def _make_ring(self, caller: Caller, wish: Wish, body: bytes, environment: str) -> Ring:
        return Ring(
            id=caller.message_id,
            host=wish.host,
            environment=environment,
            instance=wish.instance,
            host_keys=wish.ssh_host_keys,
            rung_by=caller.person,
            digest_of_body=hashlib.sha256(body).hexdigest(),
        )

    async def _accept(self, ring: Ring) -> web.Response:
        try:
            accepted = await self._node.ledger.ring(ring)
        except HeldKeyError:
            raise RefusedError(Refusal.HELD, host=ring.host, **self._name_node()) from None
        except ConflictingIdError:
            raise RefusedError(Refusal.OTHER_BODY, message="this id came with another body before") from None
        except StorageError:
            raise RefusedError(Refusal.STORAGE, retry_after=STORAGE_SECONDS, **self._name_node()) from None
        return send({"run": accepted.run_id, "is_new": accepted.is_new}, 202)

    async def _note(self, ring: Ring) -> None:
        """Once for an id: an old ring that somebody sends again must not undo a newer one."""
        if not self._guard.take(f"{ring.id} {ring.digest_of_body}"):
            return
        try:
            await self._node.ledger.note_wanted(ring)
        except StorageError:
            self._guard.forget(f"{ring.id} {ring.digest_of_body}")
            raise RefusedError(Refusal.STORAGE, retry_after=STORAGE_SECONDS, **self._name_node()) from None

    async def _guess_environment(self, host: str) -> str:
        """While Locked the inventory may be old or not there yet; it is compared when the node becomes Ready."""
        if (place := self._node.inventory().get(host)) is not None:
            return place.environment
        try:
            return (await self._node.ledger.host(host)).environment
        except UnknownHostError:
            return ""

    async def _look(self, host: str) -> None:
        """Twice where need be: the first may be somebody else's, begun before this host was pushed."""
        for _ in range(2):
            await self._node.look_again()
            if host in self._node.inventory():
                return

    async def _require_place(self, host: str) -> Place:
        """Where the host belongs, by a newer inventory where this one does not know it. Raises RefusedError."""
        place = self._node.inventory().get(host)
        if place is None:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look(host)
            except TimeoutError:
                raise RefusedError(Refusal.LOOKING, retry_after=LOOKING_SECONDS, **self._name_node()) from None
            place = self._node.inventory().get(host)
        settings = self._node.settings()
        if place is None:
            message = f"{settings.node} does not find this host in the inventory"
            raise RefusedError(Refusal.UNKNOWN_HOST, message=message, host=host)
        if place.control_node != settings.node or settings.find_environment(place.environment) is None:
            message = f"this host is configured by {place.control_node}, and this is {settings.node}"
            raise RefusedError(Refusal.OTHER_NODE, message=message, control_node=place.control_node)
        return place
