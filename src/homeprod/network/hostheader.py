"""The Host header as nginx reads it (ngx_http_validate_host of 1.22 to 1.26, the same in both)."""

from __future__ import annotations

from homeprod.core.hostname import fold


def read_host(header: str) -> str | None:
    """The name that nginx goes by: without a port, folded; an IPv6 address keeps its brackets. None: it answers 400.
    Each character stands for one byte."""
    if ".." in header or any(sign == "/" or sign <= " " or sign == "\x7f" for sign in header):
        return None
    host = header
    if header.startswith("["):
        host = header[: header.index("]") + 1] if "]" in header else header
    elif ":" in header:
        host = header.partition(":")[0]
    return fold(host) or None
