"""What is asked for on the command line; where it is no target, what was meant."""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address

from homeprod.core.errors import UsageError
from homeprod.site.entry.target import Target, read_target

_FORM = re.compile(r"(https?://)?([^/?#@]*@)?(\[[^]]*\]|[^/?#:]*)(:\d+)?(.*)", re.IGNORECASE | re.DOTALL)
_DOORS = "a service's own port, and those that the passthrough has at a proxy, are no way in; leave it out"


def read_asked(text: str) -> Target:
    """A URL or a host. Raises UsageError."""
    found = _FORM.fullmatch(text)
    scheme, user, host, port, rest = found.groups("") if found is not None else ("",) * 5
    if _is_ipv6(text):
        raise UsageError(f"{text}: an IPv6 address stands in brackets", hint=_suggest("write", f"[{text}]"))
    if user:
        hint = _suggest("leave it out", f"{scheme}{host}{port}{rest}")
        raise UsageError("who logs in (what stands before the @) is no part of the way", hint=hint)
    try:
        return read_target(text)
    except ValueError as error:
        is_other = port not in ("", ":80", ":443")
        hint = _suggest(_DOORS, f"{scheme}{host}{rest}") if is_other else "see:\n\n  homeprod route explain --help"
        raise UsageError(str(error.args[0]), hint=hint) from None


def _suggest(words: str, target: str) -> str:
    return f"{words}:\n\n  homeprod route explain {shlex.quote(target)}"


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False
