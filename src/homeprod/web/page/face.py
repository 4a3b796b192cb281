"""The rooms of the page: the page itself, the way in, its style, the site's pictures. Each is asked by GET alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from homeprod.core.refusal import Refusal
from homeprod.web.access import Access
from homeprod.web.answer import RefusedError
from homeprod.web.node import Node
from homeprod.web.page import html
from homeprod.web.page.answer import COOKIE, send_html, send_in, send_picture, send_style
from homeprod.web.page.look import gather
from homeprod.web.page.tokens import SESSION_SECONDS
from homeprod.web.page.visitors import Visitors

PICTURES = "/pictures/"
HOW = "This page is for those whose key the site knows: they open it by the link that is printed by"
_USED = "This link was used, or is too old, or the node's state has changed since. Another one is printed by"
_FOREIGN = (
    "Paste the link into the address bar: one that is followed from another page is not believed. It still holds."
)


class Face:
    """``now`` is the wall clock, in seconds since 1970."""

    def __init__(self, node: Node, visitors: Visitors, access: Access, now: Callable[[], float] = time.time) -> None:
        self._node, self._visitors, self._access, self._now = node, visitors, access, now
        self.rooms: Mapping[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            "/": self.show_page,
            "/login": self.let_in,
            "/page.css": self.show_style,
        }

    async def show_page(self, request: web.BaseRequest) -> web.StreamResponse:
        person = self._recognize(request)
        if person is None:
            return send_html(html.render_stranger(HOW, "homeprod control page"), 403)
        return send_html(html.render_page(await gather(self._node, person, self._now())))

    async def let_in(self, request: web.BaseRequest) -> web.StreamResponse:
        """A link is used up by a person's own visit alone: not by a look ahead, and not from another page, which
        could have somebody look at it as somebody else."""
        self._access.require_rare(request)
        headers = request.headers
        if headers.get("Sec-Purpose") or headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return send_html(html.render_stranger(_FOREIGN), 403)
        session = self._visitors.admit(request.query.get("token", ""))
        if session is None:
            return send_html(html.render_stranger(_USED, "homeprod control page"), 403)
        return send_in(session, SESSION_SECONDS)

    async def show_style(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.require_rare(request)
        return send_style(html.read_style())

    async def show_picture(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._recognize(request) is None:
            return send_html(html.render_stranger(HOW, "homeprod control page"), 403)
        file = self._node.pictures().get(request.raw_path.partition("?")[0].removeprefix(PICTURES))
        if file is None:
            raise RefusedError(Refusal.UNKNOWN_PATH)
        try:
            return send_picture(await asyncio.to_thread(file.read_bytes))
        except OSError:  # its tree has made room for a newer one
            raise RefusedError(Refusal.UNKNOWN_PATH) from None

    def _recognize(self, request: web.BaseRequest) -> str | None:
        """Whose session it is; None for a stranger. Raises RefusedError for either where it comes too often."""
        person = self._visitors.recognize(request.cookies.get(COOKIE, ""))
        if person is None:
            self._access.require_rare(request)
        else:
            self._access.require_seldom(person)
        return person
