"""Answers for a browser: no script, nothing from elsewhere, nothing kept, in nobody's frame."""

from __future__ import annotations

from aiohttp import web

from homeprod.web.answer import SERVER

COOKIE = "__Host-homeprod"
"""The prefix has browsers take it with Secure, Path=/ and no Domain alone (RFC 6265bis, section 4.1.3.2)."""
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        *(f"{name} 'none'" for name in ("form-action", "base-uri", "frame-ancestors")),
    ]
)
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""Pictures carry their own style; opened by itself, one is a document that may do nothing."""
_HEADERS = {
    "Server": SERVER,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def send_html(text: str, status: int = 200) -> web.Response:
    return _send(text.encode(), "text/html; charset=utf-8", _POLICY, status)


def send_style(text: str) -> web.Response:
    return _send(text.encode(), "text/css; charset=utf-8", _POLICY)


def send_picture(content: bytes) -> web.Response:
    return _send(content, "image/svg+xml", _PICTURE_POLICY)


def send_in(session: str, seconds: float) -> web.Response:
    """To the page, with the session's cookie. 303 takes the link's address out of what a browser shows as visited."""
    response = _send(b"", "text/plain; charset=utf-8", _POLICY, 303)
    response.headers["Location"] = "/"
    response.headers["Set-Cookie"] = (
        f"{COOKIE}={session}; Path=/; Max-Age={seconds:.0f}; Secure; HttpOnly; SameSite=Strict"
    )
    return response


def _send(content: bytes, kind: str, policy: str, status: int = 200) -> web.Response:
    headers = {**_HEADERS, "Content-Type": kind, "Content-Security-Policy": policy}
    return web.Response(body=content, status=status, headers=headers)
