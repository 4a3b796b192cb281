"""Which room a call belongs to, and that it ends in one of the documented answers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion10, HttpVersion11, web

from homeprod.core.overview.snapshot import MOST_BYTES as MOST_OF_SNAPSHOT
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import MOST_BYTES
from homeprod.web import tally
from homeprod.web.access import Access, Limits
from homeprod.web.answer import SERVER, RefusedError, send
from homeprod.web.body import read_body, require_json, require_length
from homeprod.web.calls import Call, Calls, Handler, refuse_ledger
from homeprod.web.node import Node
from homeprod.web.page.face import PICTURES, Face
from homeprod.web.page.visitors import Visitors
from homeprod.web.push import PATH as PUSH
from homeprod.web.push import hear_push
from homeprod.web.ring import PATH, Bell, parse_wish

_LOG = logging.getLogger("homeprod.web")
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LARGE = {"/api/snapshot": MOST_OF_SNAPSHOT}
_Room = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def make_server(node: Node, limits: Limits, now: Callable[[], float] = time.time) -> web.Server:
    """aiohttp's, below its applications: nothing answers here that is not of ours. ``now`` is the wall clock."""
    return web.Server(_Hall(node, Access(node.settings, limits, now), now).handle)


class _Hall:
    def __init__(self, node: Node, access: Access, now: Callable[[], float]) -> None:
        self._node, self._access, self._metrics = node, access, tally.Metrics()
        visitors = Visitors(node)
        self._bell, calls = Bell(node, access.guard), Calls(node, visitors, now)
        self._face = Face(node, visitors, access, now)
        self._open: dict[str, tuple[str, str, _Room]] = {
            **{path: ("page", "GET", room) for path, room in self._face.rooms.items()},
            PATH: ("ring", "POST", self._ring),
            PUSH: ("push", "POST", self._hear_push),
            "/status": ("status", "GET", self._tell_status),
            "/metrics": ("metrics", "GET", self._tell_metrics),
        }
        self._calls: tuple[tuple[str, re.Pattern[str], Handler], ...] = tuple(
            (method, re.compile(path), handler)
            for method, path, handler in (
                ("GET", r"/api/status()", calls.show_status),
                ("GET", r"/api/hosts()", calls.list_hosts),
                ("GET", r"/api/hosts/([a-z0-9-]{1,63})", calls.show_host),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/retry", calls.retry),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/check", calls.check),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/trust", calls.trust),
                ("POST", r"/api/hosts/([a-z0-9-]{1,63})/forget", calls.forget),
                ("GET", r"/api/drift()", calls.list_drift),
                ("GET", r"/api/drift/([a-z0-9-]{1,63})", calls.show_drift),
                ("GET", r"/api/promotion()", calls.show_promotion),
                ("GET", r"/api/runs()", calls.list_runs),
                ("GET", r"/api/runs/([0-9]{1,15})", calls.show_run),
                ("GET", r"/api/runs/([0-9]{1,15})/events", calls.follow),
                ("POST", r"/api/runs/([0-9]{1,15})/cancel", calls.cancel),
                ("POST", r"/api/snapshot()", calls.keep_snapshot),
                ("POST", r"/api/links()", calls.invite),
            )
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        name, method, room = self._find_room(path)
        try:
            await _require_http(request, method, reads_body=path != PUSH)
            response = await room(request)
        except RefusedError as error:
            response = error.answer()
        except ConnectionError:
            response = RefusedError(Refusal.MALFORMED).answer()  # whoever asked has gone; nobody reads this
        except Exception as error:  # noqa: BLE001 (what a mistake of ours was about is nobody's business)
            response = self._explain(error).answer()
        self._metrics.note_answer(name, response.status)
        return response

    def _find_room(self, path: str) -> tuple[str, str, _Room]:
        if path.startswith(PICTURES):
            return "page", "GET", self._face.show_picture
        return self._open.get(path, ("call", "", self._call))

    def _explain(self, error: Exception) -> RefusedError:
        refused = refuse_ledger(error, self._node.settings().node)
        if refused is None:
            _LOG.error("a mistake of homeprod's own: %s", explain_place(error))
        return refused or RefusedError(Refusal.MISTAKE)

    async def _ring(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await _read_json(request)
        wish = parse_wish(body)
        caller = self._access.require_ringer(request, body)
        return await self._bell.ring(caller, wish.require_fit(), body)

    async def _hear_push(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.require_rare_push(request)
        return hear_push(self._node)

    async def _call(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        matches = ((method, known.fullmatch(path), handler) for method, known, handler in self._calls)
        method, match, handler = next((one for one in matches if one[1]), ("", None, None))
        if match is None or handler is None:
            raise RefusedError(Refusal.UNKNOWN_PATH)
        if request.method != method:
            raise RefusedError(Refusal.WRONG_METHOD)
        body = (
            await _read_json(request, _LARGE.get(path, MOST_BYTES)) if method == "POST" else await read_body(request)
        )
        caller = self._access.require_caller(request, body)
        return await handler(Call(request, caller, match[1], body))

    async def _tell_status(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.require_rare(request)
        return send(await tally.describe(self._node))

    async def _tell_metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.require_rare(request)
        body = await self._metrics.render(self._node)
        return web.Response(body=body, headers={"Server": SERVER, "Content-Type": METRICS_TYPE})


async def _require_http(request: web.BaseRequest, method: str, *, reads_body: bool = True) -> None:
    """Raises RefusedError. Says that the body may come where somebody waits to be told so (RFC 9110 §10.1.1)."""
    if request.version not in (HttpVersion10, HttpVersion11):
        raise RefusedError(Refusal.MALFORMED)
    if method and request.method != method:
        raise RefusedError(Refusal.WRONG_METHOD)
    if (expected := request.headers.get("Expect")) and reads_body:
        if expected.lower() != "100-continue":
            raise RefusedError(Refusal.MALFORMED)
        require_length(request)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # aiohttp takes what was written for the beginning of the answer


async def _read_json(request: web.BaseRequest, most: int = MOST_BYTES) -> bytes:
    """What can be refused by its headers is, before its body is read."""
    require_length(request, most)
    require_json(request)
    return await read_body(request, most)


def explain_place(error: BaseException) -> str:
    """Kind and place alone: its words may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
