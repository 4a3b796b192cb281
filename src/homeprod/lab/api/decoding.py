"""Request bodies and queries as Proxmox's HTTP server reads them, its odd habits included."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from homeprod.lab.api.error import ApiError

BODY_LIMIT = 512 * 1024
"""Bytes; only uploads may be longer."""

Params = dict[str, Any]
_PAIR_SEPARATORS = re.compile(r"[&;]")


def decode_text(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def decode_form(text: str) -> Params:
    """``a=1&b=2``: pairs end at ``;`` too, a value ends at a second ``=``, a repeated key becomes a list."""
    params: Params = {}
    for pair in _PAIR_SEPARATORS.split(text):
        if not pair:
            continue
        key, *values = pair.split("=")
        add_param(params, decode_text(key), decode_text(values[0]) if values else "")
    return params


def add_param(params: Params, key: str, value: Any) -> None:
    if key not in params:
        params[key] = value
    elif isinstance(params[key], list):
        params[key].append(value)
    else:
        params[key] = [params[key], value]


def decode_json(body: bytes) -> Params:
    try:
        value = json.loads(body)
    except ValueError as error:
        # The real words are those of Perl's JSON parser and name a line of Proxmox's code.
        at = getattr(error, "pos", 0)
        found = body[at:].decode("utf-8", "replace")
        raise ApiError(f'\'"\' expected, at character offset {at} (before "{found}")', is_bare=True) from None
    if not isinstance(value, dict):
        raise ApiError("JSON body must be an object", is_bare=True)
    return value


def decode_body(content_type: str, body: bytes) -> Params:
    """Raises ApiError 506 for a type that Proxmox does not read."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind in ("", "application/octet-stream", "application/x-www-form-urlencoded"):
        if kind == "application/octet-stream" and content_type:
            raise _unknown_type(content_type)
        return decode_form(body.decode("latin-1"))
    if kind == "application/json":
        return decode_json(body)
    raise _unknown_type(content_type)


def _unknown_type(content_type: str) -> ApiError:
    return ApiError(f"upload 'Content-Type '{content_type}' not implemented", status=506, is_bare=True)


def merge_params(path: dict[str, str], given: Params) -> tuple[Params, dict[str, str]]:
    """Path and request parameters in one, and the errors of those that contradict the path."""
    errors = {
        key: "duplicate parameter (already defined in URI) with conflicting values!"
        for key, value in given.items()
        if key in path and str(value) != path[key]
    }
    return {**given, **path}, errors


def normalize(value: Any) -> Any:
    """A verified scalar as text (``None`` stays: JSON null)."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if value is None else str(value)
