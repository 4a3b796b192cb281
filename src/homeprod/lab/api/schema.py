"""Proxmox's parameter schema and its verification, with Proxmox's own words for every mistake.

The rules are those of Proxmox's JSON schema dialect: a flat table of properties, named formats, and property
strings (``virtio=AA:…,bridge=vmbr0``) that are tables again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Release = tuple[int, int]
Verify = Callable[[str, Release], None]
"""A named format: raises ValueError with Proxmox's words (their trailing line feed included)."""

UNKNOWN_PROPERTY = "property is not defined in schema and the schema does not allow additional properties"
MISSING_PROPERTY = "property is missing and it is not optional"

_INTEGER = re.compile(r"[+-]?\d+\Z")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_TRUE = frozenset({"1", "on", "yes", "true"})
_FALSE = frozenset({"0", "off", "no", "false"})


@dataclass(frozen=True, slots=True)
class Prop:
    """One property. ``form`` is a named format, or the table of a property string. ``since`` is the first release
    that knows it, ``until`` the first that does not any more."""

    type: str = "string"
    optional: bool = True
    enum: tuple[str, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    form: Verify | Mapping[str, Prop] | None = None
    requires: str = ""
    is_default_key: bool = False
    alias: str = ""
    key_alias: str = ""
    since: Release = (0, 0)
    until: Release = (99, 0)


Table = Mapping[str, Prop]


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\n?\Z")


def missing_by(key: str, release: Release) -> str:
    """Words for a property that another one needs; 9 says it the other way round than 8."""
    if release >= (9, 0):
        return f"missing property required by '{key}'"
    return f"missing property - '{key}' requires this property"


def verify_object(table: Table, values: Mapping[str, Any], release: Release, path: str = "") -> dict[str, str]:
    """Every mistake in ``values``, by its full name. An empty answer means that all is well."""
    errors: dict[str, str] = {}
    prefix = f"{path}." if path else ""
    for name, prop in table.items():
        if not prop.optional and not prop.alias and values.get(name) is None and prop.since <= release:
            errors[prefix + name] = MISSING_PROPERTY
    for name, value in values.items():
        known = table.get(name)
        if known is None or not known.since <= release < known.until:
            errors[prefix + name] = UNKNOWN_PROPERTY
            continue
        if known.requires and values.get(known.requires) is None:
            errors[prefix + known.requires] = missing_by(prefix + name, release)
        if value is not None and (wrong := verify_value(known, value, release, prefix + name)):
            errors[prefix + name] = wrong
    return errors


def verify_value(prop: Prop, value: Any, release: Release, path: str) -> str:
    """What is wrong with one value, or the empty string."""
    if not _has_type(prop.type, value):
        return f"type check ('{prop.type}') failed - got {_describe(value)}"
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if prop.form is not None:
        try:
            verify_form(prop.form, text, release, path)
        except ValueError as error:
            return f"invalid format - {error}"
    if prop.type in ("integer", "number"):
        return _verify_range(prop, float(text))
    return _verify_text(prop, text)


def _verify_range(prop: Prop, number: float) -> str:
    if prop.minimum is not None and number < prop.minimum:
        return f"value must have a minimum value of {prop.minimum:g}"
    if prop.maximum is not None and number > prop.maximum:
        return f"value must have a maximum value of {int(prop.maximum)}"
    return ""


def _verify_text(prop: Prop, text: str) -> str:
    if prop.pattern and not _compiled(prop.pattern).match(text):
        return "value does not match the regex pattern"
    if prop.max_length is not None and len(text) > prop.max_length:
        return f"value may only be {prop.max_length} characters long"
    if prop.min_length is not None and len(text) < prop.min_length:
        return f"value must be at least {prop.min_length} characters long"
    if prop.enum and text not in prop.enum:
        return f"value '{text}' does not have a value in the enumeration '{', '.join(prop.enum)}'"
    return ""


def verify_form(form: Verify | Table, text: str, release: Release, path: str) -> None:
    """A named format or a property string. Raises ValueError with Proxmox's words."""
    if callable(form):
        form(text, release)
        return
    parse_property_string(form, text, release, path)


def _has_type(kind: str, value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return False
    if kind == "boolean":
        return value in (True, False, "0", "1", 0, 1)
    if isinstance(value, bool):
        return False
    if kind == "integer":
        is_whole = isinstance(value, float) and value.is_integer()  # JSON's 2.0 is Perl's 2
        return is_whole or _INTEGER.match(str(value)) is not None
    return kind != "number" or _NUMBER.match(str(value)) is not None


def _describe(value: Any) -> str:
    if isinstance(value, list):
        return "ARRAY"
    if isinstance(value, dict):
        return "HASH"
    return "JSON::PP::Boolean" if isinstance(value, bool) else f"'{value}'"


def parse_boolean(text: str) -> str:
    """``1`` or ``0`` for every spelling that property strings know; other text unchanged."""
    if text.lower() in _TRUE:
        return "1"
    return "0" if text.lower() in _FALSE else text


def split_property_string(table: Table, text: str, release: Release) -> dict[str, str]:
    """The keys and values of a property string, aliases resolved, not yet verified. Raises ValueError."""
    values: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            _take_default(table, values, part, release)
        elif key and value:
            _take_pair(table, values, key, value)
        else:
            raise ValueError("missing key in comma-separated list property\n")
    return values


def _take_default(table: Table, values: dict[str, str], part: str, release: Release) -> None:
    default = next((name for name, prop in table.items() if prop.is_default_key), "")
    if not default:
        raise ValueError("value without key, but schema does not define a default key\n")
    if default in values:
        raise ValueError(f"duplicate key in comma-separated list property: {default}\n")
    # 8.x left a bare boolean as it was written, so `agent: yes` was a type error there.
    is_boolean = table[default].type == "boolean" and release >= (9, 0)
    values[default] = parse_boolean(part) if is_boolean else part


def _take_pair(table: Table, values: dict[str, str], key: str, value: str) -> None:
    prop = table.get(key)
    if prop is not None and prop.alias:
        if prop.key_alias:
            if prop.key_alias in values:
                raise ValueError(f"key alias '{prop.key_alias}' is already defined\n")
            values[prop.key_alias] = key
        key, prop = prop.alias, table.get(prop.alias)
    if key in values:
        raise ValueError(f"duplicate key in comma-separated list property: {key}\n")
    values[key] = parse_boolean(value) if prop is not None and prop.type == "boolean" else value


def parse_property_string(table: Table, text: str, release: Release, path: str = "") -> dict[str, str]:
    """The verified keys and values of a property string. Raises ValueError with Proxmox's words."""
    values = split_property_string(table, text, release)
    errors = verify_object(table, values, release, path)
    if errors:
        raise ValueError("format error\n" + "".join(f"{name}: {errors[name]}\n" for name in sorted(errors)))
    return values
