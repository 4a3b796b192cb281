"""The HTTP face of the lab: requests to calls, answers and refusals to Proxmox's own responses."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from homeprod.core.errors import HomeprodError
from homeprod.lab.api.access import Identity
from homeprod.lab.api.decoding import BODY_LIMIT, Params, decode_body, decode_form, merge_params, normalize
from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.multipart import receive_upload
from homeprod.lab.api.routing import Call, Endpoint, Reply, Route, Router, require_node
from homeprod.lab.api.schema import verify_object
from homeprod.lab.hypervisor import Hypervisor

_log = logging.getLogger(__name__)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
_FORMATS = frozenset({"json", "extjs"})
NOBODY = Identity("")
REFUSAL_SECONDS = 3.0
"""Proxmox lets a caller whom it does not know wait, so that guessing is slow."""


@dataclass(frozen=True, slots=True)
class Received:
    """What arrived, for those who watch: method, path below ``/api2/json``, parameters as sent."""

    method: str
    path: str
    params: Params


class CutError(Exception):
    """Raised by a watcher to drop the connection without an answer."""


Answer = Callable[[], Awaitable[web.StreamResponse]]
Watcher = Callable[[Received, Answer], Awaitable[web.StreamResponse]]
"""Stands around every call: may note it, delay it, answer it itself, or raise CutError."""


class ApiServer:
    """``handle`` is what aiohttp calls. One server for one hypervisor."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        routes: Iterable[Route],
        watcher: Watcher | None = None,
        *,
        refusal_seconds: float = REFUSAL_SECONDS,
    ) -> None:
        self._refusal_seconds = refusal_seconds
        self._hypervisor = hypervisor
        self._router = Router(routes)
        self._watcher = watcher
        self._active = 0

    async def drain(self, seconds: float) -> None:
        """Wait for the calls in flight, at most so long."""
        end = time.monotonic() + seconds
        while self._active and time.monotonic() < end:
            await asyncio.sleep(0.01)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._active += 1
        try:
            return await self._handle(request)
        finally:
            self._active -= 1

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        form = "json"
        try:
            form, path, query = _split_target(request)
            _check_protocol(request, form, path)
            return await self._answer(request, form, path, query)
        except ApiError as error:
            return await self._refuse(error, form)
        except CutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except Exception as error:  # noqa: BLE001 (a defect of the lab must answer, not hang the client)
            _log.exception("%s %s", request.method, request.path)
            return render_error(ApiError(f"internal error of the lab: {type(error).__name__}: {error}"), form)

    async def _answer(self, request: web.BaseRequest, form: str, path: str, query: Params) -> web.StreamResponse:
        params = {**query, **await _read_params(request)}

        async def answer() -> web.StreamResponse:
            try:
                return render(await self._call(request, path, params), form)
            except ApiError as error:
                return await self._refuse(error, form)
            except HomeprodError as error:
                return render_error(ApiError(error.message), form)

        if self._watcher is None:
            return await answer()
        return await self._watcher(Received(request.method, path, params), answer)

    async def _refuse(self, error: ApiError, form: str) -> web.Response:
        if error.status == 401:
            await asyncio.sleep(self._refusal_seconds)
        return render_error(error, form)

    async def _call(self, request: web.BaseRequest, path: str, params: Params) -> Any:
        endpoint, values, who = self._admit(request, path)
        call = Call(self._hypervisor, who, dict(values))
        require_node(call)
        merged, errors = merge_params(values, params)
        if errors:
            raise refuse_parameters(errors)
        call.params = merged
        if endpoint.route.takes_file:
            endpoint.route.allow(call)
            call.params = {**merged, **await receive_upload(request, self._hypervisor.state / "uploads")}
        else:
            endpoint.route.allow(call)
        self._verify(endpoint, call)
        result = endpoint.route.handler(call)
        return await result if inspect.isawaitable(result) else result

    def _admit(self, request: web.BaseRequest, path: str) -> tuple[Endpoint, dict[str, str], Identity]:
        """Log-in first, then the path: a stranger is not told what exists."""
        try:
            endpoint, values = self._router.find(request.method, path)
        except ApiError:
            self._identify(request, request.method)
            raise
        if endpoint.route.is_public:
            return endpoint, values, NOBODY
        return endpoint, values, self._identify(request, "GET" if endpoint.route.takes_file else request.method)

    def _identify(self, request: web.BaseRequest, method: str) -> Identity:
        headers = request.headers
        cookie = request.cookies.get("PVEAuthCookie", "")
        csrf = headers.get("CSRFPreventionToken", "")
        return self._hypervisor.access.identify(headers.get("Authorization", ""), cookie, method, csrf)

    def _verify(self, endpoint: Endpoint, call: Call) -> None:
        errors = verify_object(endpoint.table, call.params, self._hypervisor.release)
        if errors:
            raise refuse_parameters(errors)
        call.params = {name: normalize(value) for name, value in call.params.items()}


def _split_target(request: web.BaseRequest) -> tuple[str, str, Params]:
    """Format, path below it, query. Raises ApiError for what is not the API."""
    target, _, query = request.raw_path.partition("?")
    parts = target.split("/", 3)
    if len(parts) < 3 or parts[1] != "api2":
        raise ApiError(f"no such file '{target}'", status=404, is_bare=True)
    return parts[2], "/" + (parts[3] if len(parts) > 3 else ""), decode_form(query)


def _check_protocol(request: web.BaseRequest, form: str, path: str) -> None:
    if request.method not in _METHODS:
        raise ApiError(f"method '{request.method}' not available", status=501, is_bare=True)
    if form not in _FORMATS:
        raise ApiError(f"no formatter for uri {path}, {form}", status=501, is_bare=True)
    if request.method in ("GET", "DELETE") and request.body_exists:
        raise ApiError(f"Unexpected content for method '{request.method}'", status=501, is_bare=True)


async def _read_params(request: web.BaseRequest) -> Params:
    if request.method not in ("POST", "PUT") or not request.body_exists:
        return {}
    content_type = request.headers.get("Content-Type", "")
    if content_type.startswith("multipart/form-data") and request.raw_path.partition("?")[0].endswith("/upload"):
        return {}
    if (request.content_length or 0) > BODY_LIMIT:
        raise ApiError("for data too large", status=501, is_bare=True)
    body = await request.content.read(-1)
    if len(body) > BODY_LIMIT:
        raise ApiError("for data too large", status=501, is_bare=True)
    return decode_body(content_type, body)


def render(result: Any, form: str = "json") -> web.Response:
    body = {"data": result.data, **result.more} if isinstance(result, Reply) else {"data": result}
    if form == "extjs":
        body = {**body, "success": 1}
    return web.Response(body=json.dumps(body).encode(), content_type="application/json", charset="utf-8")


def render_error(error: ApiError, form: str = "json") -> web.Response:
    """The refusal as Proxmox sends it: in the reason phrase, and again in the body; the connection then closes."""
    reason = " ".join(error.message.split("\n"))
    if form == "extjs" and not error.is_bare:
        body: dict[str, Any] = {"success": 0, "message": error.message, "status": error.status, "data": None}
        if error.errors:
            body["errors"] = error.errors
        return web.Response(body=json.dumps(body).encode(), content_type="application/json", charset="utf-8")
    if error.is_bare:
        text = b"" if error.status == 401 else error.message.encode()
        response = web.Response(status=error.status, reason=reason, body=text)
    else:
        # A 501 has no line feed at its end, every other message has.
        body = {"data": None, "message": error.message + ("" if error.status == 501 else "\n")}
        if error.errors:
            body["errors"] = error.errors
        response = web.Response(
            status=error.status,
            reason=reason,
            body=json.dumps(body).encode(),
            content_type="application/json",
            charset="utf-8",
        )
    response.force_close()
    return response
