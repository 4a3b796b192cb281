"""POST /hooks/push: somebody says that something was pushed.

It is a hint and nothing more, so nobody has to sign it: what it costs is bounded, and what it brings is believed by
the commits' signatures alone. It is answered the same in every state, since nothing is lost by it: an unlock fetches
by itself, and git hosts give up hooks that are refused for a while.
"""

from __future__ import annotations

from aiohttp import web

from homeprod.web.answer import send
from homeprod.web.node import Node

PATH = "/hooks/push"


def hear_push(node: Node) -> web.Response:
    """Its body is not read, whatever its size."""
    node.knock()
    response = send({"heard": True}, 202)
    response.force_close()
    return response
