"""The calls of people: how it is, and what is asked for of the node. Each signature counts once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from homeprod.control.hosts.errors import (
    ConflictingIdError,
    NothingHeldError,
    RunningHostError,
    StorageError,
    UnfitHostError,
    UnknownHostError,
    UnknownRunError,
)
from homeprod.control.promotion.standing import describe as describe_standing
from homeprod.control.state import NodeState
from homeprod.core.overview.snapshot import KeptSnapshot, Snapshot
from homeprod.core.refusal import Refusal
from homeprod.web.answer import RefusedError, send
from homeprod.web.body import parse_object
from homeprod.web.describe import describe_host, describe_hosts, describe_keeping, describe_run, list_fingerprints
from homeprod.web.node import Node
from homeprod.web.page.tokens import LINK_SECONDS
from homeprod.web.page.visitors import Visitors
from homeprod.web.ring import LOCKED_SECONDS, STORAGE_SECONDS
from homeprod.web.signature import Caller
from homeprod.web.stream import Streams
from homeprod.web.tally import describe, describe_troubles

MOST_RUNS = 500
_KEEP = "its environment says upkeep=None, or is not in the settings that the node has; give it an Upkeep()"


@dataclass(frozen=True, slots=True)
class Call:
    """``name`` is the host's name or the run's number, as the path has it."""

    request: web.BaseRequest
    caller: Caller
    name: str
    body: bytes


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


class Calls:
    def __init__(self, node: Node, visitors: Visitors, now: Callable[[], float] = time.time) -> None:
        self._node, self._visitors, self._streams, self._now = node, visitors, Streams(node.ledger), now

    async def show_status(self, _: Call) -> web.StreamResponse:
        return send({**await describe(self._node), "problems": describe_troubles(self._node)})

    async def list_hosts(self, _: Call) -> web.StreamResponse:
        return send(await describe_hosts(self._node))

    async def show_host(self, call: Call) -> web.StreamResponse:
        host, kept = await self._node.ledger.host(call.name), await self._node.keepings()
        own = next((one for one in kept if one.host.name == host.name), None)
        apps = (await self._node.ledger.apps()).get(host.name)
        return send({"host": describe_host(host, self._node.inventory(), own, apps=apps)})

    async def list_drift(self, _: Call) -> web.StreamResponse:
        return send({"hosts": [describe_keeping(one) for one in await self._node.keepings()]})

    async def show_drift(self, call: Call) -> web.StreamResponse:
        found = [one for one in await self._node.keepings() if one.host.name == call.name]
        if not found:
            raise UnknownHostError(call.name)
        return send({"hosts": [describe_keeping(one) for one in found]})

    async def show_promotion(self, _: Call) -> web.StreamResponse:
        return send({"environments": [describe_standing(one) for one in self._node.promotions()]})

    async def list_runs(self, call: Call) -> web.StreamResponse:
        limit, host = call.request.query.get("limit", "50"), call.request.query.get("host", "")
        kind = call.request.query.get("kind", "")
        runs = await self._node.ledger.runs(min(_parse_number(limit), MOST_RUNS), host, kind)
        return send({"runs": [describe_run(run) for run in runs]})

    async def show_run(self, call: Call) -> web.StreamResponse:
        return send({"run": describe_run(await self._node.ledger.run(_parse_number(call.name)))})

    async def follow(self, call: Call) -> web.StreamResponse:
        after = _parse_number(call.request.query.get("after", "0"))
        return await self._streams.send(call.request, call.caller.person, _parse_number(call.name), after)

    async def retry(self, call: Call) -> web.StreamResponse:
        self._require_ready()
        await self._use_id(call)
        accepted = await self._node.ledger.retry(call.name, call.caller.person)
        return send({"run": accepted.run_id, "is_new": accepted.is_new}, 202)

    async def check(self, call: Call) -> web.StreamResponse:
        """Also of a host whose own time has not come, or that was late."""
        self._require_ready()
        kept = next((one for one in await self._node.keepings() if one.host.name == call.name), None)
        if kept is not None and kept.upkeep is None:
            raise RefusedError(
                Refusal.NOT_KEPT, host=call.name, message=f"nobody looks after {call.name}", hint=_KEEP
            )
        await self._use_id(call)
        await self._node.ledger.checks.ask_now(call.name)
        return send({"host": call.name}, 202)

    async def cancel(self, call: Call) -> web.StreamResponse:
        number = _parse_number(call.name)
        await self._use_id(call)
        return send({"run": describe_run(await self._node.ledger.cancel(number, call.caller.person))}, 202)

    async def trust(self, call: Call) -> web.StreamResponse:
        """The body names the fingerprints that a person has compared: no others are trusted."""
        _require_administrator(call, "trusting a host's key")
        fingerprints = parse_object(call.body).get("fingerprints")
        if not isinstance(fingerprints, list) or not all(isinstance(one, str) for one in fingerprints):
            raise RefusedError(Refusal.MALFORMED)
        self._require_ready()
        await self._use_id(call)
        held = (await self._node.ledger.host(call.name)).held_keys
        if sorted(fingerprints) != sorted(list_fingerprints(held)):
            raise NothingHeldError(call.name)
        accepted = await self._node.ledger.trust(call.name, call.caller.person, held)
        return send({"run": accepted.run_id, "is_new": accepted.is_new}, 202)

    async def forget(self, call: Call) -> web.StreamResponse:
        """In every state: a host that is no more waits for a person while the node is Locked, too."""
        _require_administrator(call, "forgetting a host, with the key that it is known by,")
        await self._use_id(call)
        host = await self._node.ledger.forget(call.name, call.caller.person)
        return send({"host": describe_host(host, self._node.inventory())})

    async def keep_snapshot(self, call: Call) -> web.StreamResponse:
        """In every state: nothing runs for it, and nothing in it is believed to be more than somebody's word."""
        try:
            snapshot = Snapshot.model_validate(parse_object(call.body), strict=False)
        except ValidationError:
            raise RefusedError(Refusal.UNFIT, message="that is no snapshot as this node knows them") from None
        await self._use_id(call)
        kept = KeptSnapshot(by=call.caller.person, received=round(self._now()), snapshot=snapshot)
        await self._node.snapshots.keep(kept)
        return send({"received": kept.received})

    async def invite(self, call: Call) -> web.StreamResponse:
        """The path of a link to the page, for whoever signed."""
        await self._use_id(call)
        token = self._visitors.invite(call.caller.person)
        path = f"/login?token={token}"
        return send({"path": path, "person": call.caller.person, "seconds": round(LINK_SECONDS)})

    def _require_ready(self) -> None:
        """A run that a person asks for begins at once, or not at all."""
        if self._node.state() is not NodeState.READY:
            is_locked = self._node.state() is NodeState.LOCKED
            node = self._node.settings().node
            message = f"{node} is {self._node.state().value}: nothing was done"
            hint = f"  ssh -t {node} {'unlock' if is_locked else 'bootstrap'}"
            refusal = Refusal.LOCKED if is_locked else Refusal.NEW
            raise RefusedError(refusal, retry_after=LOCKED_SECONDS, node=node, message=message, hint=hint)

    async def _use_id(self, call: Call) -> None:
        """On disk: whoever has seen this call cannot send it again after a restart either."""
        try:
            await self._node.ledger.use_id(call.caller.message_id, hashlib.sha256(call.body).hexdigest())
        except ConflictingIdError:
            raise RefusedError(Refusal.UNSIGNED) from None


def _require_administrator(call: Call, deed: str) -> None:
    if not call.caller.is_administrator:
        raise RefusedError(Refusal.NOT_ADMINISTRATOR, message=f"{deed} needs an administrator's key")


def refuse_ledger(error: Exception, node: str) -> RefusedError | None:
    """What the ledger says no to, as an answer; None where it is no refusal."""
    if isinstance(error, UnknownHostError):
        return RefusedError(
            Refusal.UNKNOWN_HOST,
            message=f"{node} knows no such host",
            host=error.where,
            hint="  homeprod control hosts",
        )
    if isinstance(error, UnknownRunError):
        return RefusedError(Refusal.UNKNOWN_RUN, message="no such run is kept")
    if isinstance(error, NothingHeldError):
        return RefusedError(Refusal.NOTHING_HELD, message="no such key is held for this host", host=error.where)
    if isinstance(error, RunningHostError):
        return RefusedError(
            Refusal.RUNNING,
            message=f"{error.where} is being configured just now: nothing was done",
            hint=f"wait for its end, or cancel its run\n\n  homeprod runs --host {error.where}",
        )
    if isinstance(error, UnfitHostError):
        message = f"{error.where} is not configured as it is now: everything would differ"
        hint = f"  homeprod configure {error.where}"
        return RefusedError(Refusal.UNCONFIGURED, host=error.where, message=message, hint=hint)
    if isinstance(error, StorageError):
        message = f"{node} cannot store anything: its data disk is full"
        return RefusedError(Refusal.STORAGE, retry_after=STORAGE_SECONDS, message=message, node=node)
    return None


def _parse_number(text: str) -> int:
    """Small enough for SQLite. Raises RefusedError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise RefusedError(Refusal.MALFORMED)
    return int(text)
