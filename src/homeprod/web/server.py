"""The door: who may come in, and which room a call belongs to."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from homeprod.control.hosts.errors import StorageError
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import call_content
from homeprod.web import tally
from homeprod.web.answer import SERVER, RefusedError, send
from homeprod.web.body import read_body, require_json, require_length
from homeprod.web.calls import Call, Calls, refuse_ledger
from homeprod.web.calls import Handler as CallHandler
from homeprod.web.limit import Buckets, Rate
from homeprod.web.node import Node
from homeprod.web.ring import PATH, Bell, parse_wish
from homeprod.web.signature import Caller, Checker, Guard

_LOG = logging.getLogger("homeprod.web")


@dataclass(frozen=True, slots=True)
class Limits:
    """``signer`` is of all that a person's keys sign, ``address`` of refused signatures from one address, ``public``
    of calls without a signature."""

    signer: Rate = Rate(20, 200)  # noqa: RUF009 (frozen)
    address: Rate = Rate(1, 30)  # noqa: RUF009
    public: Rate = Rate(10, 100)  # noqa: RUF009


def make_app(node: Node, limits: Limits = Limits(), now: Callable[[], float] = time.time) -> web.Application:
    """``now`` is the wall clock, in seconds since 1970."""
    app = web.Application(middlewares=[_answer_for(node)])
    door = _Door(node, limits, now)
    app.router.add_route("*", "/{path:.*}", door.handle, expect_handler=_expect)
    app.on_response_prepare.append(_name_server)
    return app


def _answer_for(node: Node) -> Middleware:
    """Has every call end in one of the documented answers."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as error:
            return error.answer()
        except web.HTTPException:
            return RefusedError(Refusal.UNKNOWN_PATH).answer()
        except ConnectionError:
            return RefusedError(Refusal.MALFORMED).answer()  # whoever asked has gone; nobody reads this
        except Exception as error:  # noqa: BLE001 (what a mistake of ours was about is nobody's business)
            refused = refuse_ledger(error, node.settings().node)
            if refused is None:
                _LOG.error("a mistake of homeprod's own: %s", explain_place(error))
            return (refused or RefusedError(Refusal.MISTAKE)).answer()

    return answer


def explain_place(error: BaseException) -> str:
    """Kind and place alone: its words may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"


class _Door:
    def __init__(self, node: Node, limits: Limits, now: Callable[[], float]) -> None:
        guard = Guard(now)
        self._node, self._guard, self._checker = node, guard, Checker(node.settings, guard)
        self._bell, self._calls, self._metrics = Bell(node, guard), Calls(node), tally.Metrics()
        self._signers, self._refused, self._public = (
            Buckets(rate) for rate in (limits.signer, limits.address, limits.public)
        )
        calls = self._calls
        self._table: tuple[tuple[str, re.Pattern[str], CallHandler], ...] = tuple(
            (method, re.compile(path), handler)
            for method, path, handler in (
                ("GET", r"/api/hosts()", calls.list_hosts),
                ("GET", r"/api/hosts/([a-z0-9-]{1,63})", calls.show_host),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/retry", calls.retry),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/trust", calls.trust),
                ("GET", r"/api/runs()", calls.list_runs),
                ("GET", r"/api/runs/([0-9]{1,15})", calls.show_run),
                ("GET", r"/api/runs/([0-9]{1,15})/events", calls.follow),
                ("POST", r"/api/runs/([0-9]{1,15})/cancel", calls.cancel),
            )
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.version not in (HttpVersion10, HttpVersion11):
            raise RefusedError(Refusal.MALFORMED)
        path = request.raw_path.partition("?")[0]
        if path == PATH:
            return await self._note("ring", self._ring(request))
        if path == "/status":
            return await self._note("status", self._tell_status(request))
        if path == "/metrics":
            return await self._tell_metrics(request)
        return await self._note("call", self._call(request, path))

    async def _note(self, call: str, answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        try:
            response = await answer
        except RefusedError as error:
            self._metrics.note_answer(call, error.refusal.status)
            raise
        except StorageError:
            self._metrics.note_answer(call, 503)
            raise
        self._metrics.note_answer(call, response.status)
        return response

    async def _ring(self, request: web.Request) -> web.Response:
        _require_method(request, "POST")
        address = self._require_calm(request)
        body = await _read_json(request)
        wish = parse_wish(body)
        caller = self._require_caller(request, body, address)
        return await self._bell.ring(caller, wish.require_fit(), body)

    async def _call(self, request: web.Request, path: str) -> web.StreamResponse:
        found = [
            (method, match, handler) for method, known, handler in self._table if (match := known.fullmatch(path))
        ]
        if not found:
            raise RefusedError(Refusal.UNKNOWN_PATH)
        method, match, handler = found[0]
        _require_method(request, method)
        address = self._require_calm(request)
        body = await _read_json(request) if method == "POST" else await read_body(request)
        content = call_content(method, request.raw_path, body)
        caller = self._require_caller(request, content, address)
        if not self._guard.take(caller.message_id):
            raise RefusedError(Refusal.UNSIGNED)
        return await handler(Call(request, caller, match[1], body))

    def _require_calm(self, request: web.Request) -> str:
        """The address; refused before its signature is looked at where too many of them were bad."""
        address = _find_address(request)
        if wait := self._refused.find_wait(address):
            raise RefusedError(Refusal.BUSY_ADDRESS, retry_after=wait)
        return address

    def _require_caller(self, request: web.Request, content: bytes, address: str) -> Caller:
        caller = self._checker.find_caller(request, content)
        if caller is None:
            self._refused.take(address)
            raise RefusedError(Refusal.UNSIGNED)
        if wait := self._signers.take(caller.person):
            raise RefusedError(Refusal.BUSY_SIGNER, retry_after=wait)
        return caller

    async def _tell_status(self, request: web.Request) -> web.Response:
        self._require_public(request)
        return send(await tally.describe(self._node))

    async def _tell_metrics(self, request: web.Request) -> web.Response:
        self._require_public(request)
        headers = {"Server": SERVER, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=await self._metrics.render(self._node), headers=headers)

    def _require_public(self, request: web.Request) -> None:
        _require_method(request, "GET")
        if wait := self._public.take(_find_address(request)):
            raise RefusedError(Refusal.BUSY_ADDRESS, retry_after=wait)


def _find_address(request: web.BaseRequest) -> str:
    """Nothing but the connection is asked: a header that names another one can be written by anybody."""
    return name_address(request.remote or "")


async def _read_json(request: web.Request) -> bytes:
    """What can be refused by its headers is, before its body is read."""
    require_length(request)
    require_json(request)
    return await read_body(request)


def _require_method(request: web.Request, method: str) -> None:
    if request.method != method:
        raise RefusedError(Refusal.WRONG_METHOD)


@lru_cache(1024)
def name_address(remote: str) -> str:
    """Of IPv6 the network, since one machine may have all of its addresses."""
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """RFC 9110 §10.1.1. What would be refused for its length is, before it is sent."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return RefusedError(Refusal.MALFORMED).answer()
    try:
        require_length(request)
    except RefusedError as error:
        return error.answer()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
    return None


async def _name_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER
