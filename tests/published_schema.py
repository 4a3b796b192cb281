"""Proxmox's published API schema, as data of the development dependency fakepve, and answers checked against it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache
def load_paths() -> dict[str, Any]:
    """Path template to method to its description, of Proxmox VE 9.2."""
    packed = files("fakepve").joinpath("data/pve-api.json.gz").read_bytes()
    paths: dict[str, Any] = json.loads(gzip.decompress(packed))["paths"]
    return paths


def check_answer(data: Any, schema: Mapping[str, Any], where: str = "data") -> Iterator[str]:
    """What in an answer is not as its ``returns`` says. Proxmox is loose about numbers and text itself
    (``"memory": "512"`` and ``"onboot": 1`` both stand where text is declared), so scalars may be either."""
    kind = schema.get("type", "any")
    if kind == "null":
        if data is not None:
            yield f"{where}: {data!r} where nothing is declared"
    elif kind == "array":
        if not isinstance(data, list):
            yield f"{where}: not a list"
            return
        for number, item in enumerate(data):
            yield from check_answer(item, schema.get("items", {}), f"{where}[{number}]")
    elif kind == "object":
        yield from _check_object(data, schema, where)
    elif kind != "any":
        yield from _check_scalar(data, schema, kind, where)


def _check_object(data: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{where}: not an object"
        return
    properties = schema.get("properties", {})
    for name, prop in properties.items():
        if name in data and data[name] is not None:
            yield from check_answer(data[name], prop, f"{where}.{name}")
        elif not prop.get("optional") and "[n]" not in name:
            yield f"{where}.{name}: missing"
    if schema.get("additionalProperties") == 0:
        yield from (f"{where}.{name}: not declared" for name in data.keys() - properties.keys())


def _check_scalar(data: Any, schema: Mapping[str, Any], kind: str, where: str) -> Iterator[str]:
    if data is None and schema.get("optional"):
        return
    if isinstance(data, (dict, list)) or data is None:
        yield f"{where}: {type(data).__name__} where {kind} is declared"
        return
    if kind == "boolean" and data not in (0, 1, True, False, "0", "1"):
        yield f"{where}: {data!r} is no boolean"
    if kind in ("integer", "number"):
        try:
            number = float(data)
        except ValueError:
            yield f"{where}: {data!r} is no number"
            return
        if "minimum" in schema and number < float(schema["minimum"]):
            yield f"{where}: {data!r} is too small"
    if schema.get("enum") and str(data) not in map(str, schema["enum"]):
        yield f"{where}: {data!r} is none of {schema['enum']}"
