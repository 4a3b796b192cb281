"""Strictness: numbers are written as numbers, and True and False as such; pydantic alone would take "1" for each."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator


def make_strict(schema: object) -> None:
    """Change pydantic's schema of a declared thing. A tuple may still be written as a list, an address as a text."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool"):
            schema["strict"] = True
        schema = list(schema.values())
    for part in schema if isinstance(schema, list | tuple) else ():
        make_strict(part)


def _read_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Size = Annotated[int, BeforeValidator(_read_whole)]
"""Bytes; 1.5 * GiB is a whole number of them, and a float to Python."""
