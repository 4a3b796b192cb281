"""Requests checked against the API schema that Proxmox publishes: is there such a method, are its parameters known
and the needed ones given, and does each value fit its type, limits, pattern and property string. On purpose it shares
nothing with the forms of the driver itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from tests.published_schema import load_paths

BOOLEANS = {"0", "1"}
# Inside property strings Proxmox reads words as well; the driver sends digits alone, so these are not accepted here.


def check_request(method: str, path: str, parameters: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a request; ``path`` is below ``/api2/json``, values are as sent (decoded)."""
    found = find_method(method, path)
    if found is None:
        yield f"{method} {path}: not published"
        return
    described, given = found
    properties: Mapping[str, Any] = described.get("parameters", {}).get("properties") or {}
    everything = {**given, **parameters}
    for name, value in everything.items():
        published = properties.get(name) or properties.get(re.sub(r"\d+$", "[n]", name))
        if published is None:
            yield f"{method} {path}: {name}: unknown parameter"
        else:
            yield from (f"{method} {path}: {name}={value}: {fault}" for fault in check_value(value, published))
    for name, published in properties.items():
        if not published.get("optional") and name not in everything and "[n]" not in name:
            yield f"{method} {path}: {name}: missing"
        needed = published.get("requires")
        if needed and name in everything and needed not in everything:
            yield f"{method} {path}: {name} requires {needed}"


@lru_cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    # Literal segments first; a volume's own slashes belong to the last segment.
    paths = sorted(load_paths(), key=lambda path: (path.count("{"), path))
    return [(path, re.compile(_as_pattern(path))) for path in paths]


def _as_pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{'.+' if name[1] == 'volume' else '[^/]+'})", path)


def find_method(method: str, path: str) -> tuple[Mapping[str, Any], Mapping[str, str]] | None:
    """What is published about it, and the parameters that the path holds."""
    for template, pattern in _patterns():
        matched = pattern.fullmatch(path)
        if matched and method in load_paths()[template]:
            return load_paths()[template][method], matched.groupdict()
    return None


def check_value(value: str, published: Mapping[str, Any]) -> Iterator[str]:
    kind = published.get("type", "string")
    if kind == "boolean" and value not in BOOLEANS:
        yield "no boolean"
    if kind in {"integer", "number"}:
        yield from _check_number(value, published, kind)
    if published.get("enum") and value not in published["enum"]:
        yield f"none of {published['enum']}"
    if "pattern" in published and not re.fullmatch(_as_python(published["pattern"]), value):
        yield f"does not match {published['pattern']}"
    if len(value) > int(published.get("maxLength", len(value))):
        yield "too long"
    if isinstance(published.get("format"), dict):
        yield from _check_property_string(value, published["format"])


def _as_python(pattern: str) -> str:
    """Perl prints a compiled pattern as ``(?^i:…)``; Python knows no ``^`` there."""
    return re.sub(r"\(\?\^(\w*):", lambda flags: f"(?{flags[1]}:" if flags[1] else "(?:", pattern)


def _check_number(value: str, published: Mapping[str, Any], kind: str) -> Iterator[str]:
    try:
        number = int(value) if kind == "integer" else float(value)
    except ValueError:
        yield f"no {kind}"
        return
    if number < float(published.get("minimum", number)) or number > float(published.get("maximum", number)):
        yield "out of bounds"


def _check_property_string(value: str, published: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    default = next((name for name, prop in published.items() if prop.get("default_key")), "")
    seen: dict[str, str] = {}
    for part in value.split(","):
        name, equals, text = part.partition("=")
        name, text = (name, text) if equals else (default, part)
        prop = published.get(name)
        if prop is None:
            yield f"{name}: unknown key"
            continue
        if "keyAlias" in prop:
            seen[prop["keyAlias"]] = name
        name = prop.get("alias", name)
        if name in seen:
            yield f"{name}: doubled"
        seen[name] = text
    for name, text in seen.items():
        yield from (f"{name}={text}: {fault}" for fault in check_value(text, published[name]))
    for name, prop in published.items():
        if not prop.get("optional") and not prop.get("alias") and not prop.get("default_key") and name not in seen:
            yield f"{name}: missing"
