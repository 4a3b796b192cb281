"""Property strings: ``virtio=BC:24:…,bridge=vmbr0,firewall=1``, with one schema for each.

The rules are those of PVE::JSONSchema::parse_property_string and print_property_string: parts are separated by
commas, empty ones ignored; one key may stand without its name; a key may be another name for a second key, and may
at the same time be that key's value (``virtio=MAC`` says model and address at once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from homeprod.drivers.proxmox.forms.boolean import parse_boolean, print_boolean
from homeprod.drivers.proxmox.forms.form import NEWEST, FormError, Release

Check = Callable[[str], bool]
Values = dict[str, str]
"""Key to value as Proxmox prints it; booleans are ``1`` and ``0``."""


def _anything(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Property:
    """One key. ``alias`` is the key it really stands for, ``naming`` the key whose value its own name is."""

    check: Check = _anything
    is_boolean: bool = False
    alias: str = ""
    naming: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """``default`` is the key that may stand without its name."""

    properties: Mapping[str, Property]
    default: str = ""
    required: tuple[str, ...] = ()


def parse_properties(text: str, schema: Schema, release: Release = NEWEST, *, strict: bool = True) -> Values:
    """Key to value. ``strict`` refuses what Proxmox refuses (FormError); otherwise keys and values it would refuse
    are kept as text, so that a configuration of a newer release can still be read. Doubled keys never pass."""
    values: Values = {}
    for key, value in _split(text, schema.default):
        known = schema.properties.get(key)
        if known is not None and known.naming:
            if known.naming in values:
                raise FormError(f"key alias '{known.naming}' is already defined")
            values[known.naming] = key
        key = known.alias if known is not None and known.alias else key
        if key in values:
            raise FormError(f"duplicate key in comma-separated list property: {key}")
        values[key] = value
    return {key: _settle(key, value, schema, release, strict) for key, value in _require(values, schema, strict)}


def _split(text: str, default: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals and default:
            yield default, part
        elif key and value:
            yield key, value
        else:
            raise FormError("missing key in comma-separated list property")


def _require(values: Values, schema: Schema, strict: bool) -> Iterator[tuple[str, str]]:
    for key in schema.required:
        if strict and key not in values:
            raise FormError(f"{key}: property is missing and it is not optional")
    yield from values.items()


def _settle(key: str, value: str, schema: Schema, release: Release, strict: bool) -> str:
    """The value as Proxmox prints it."""
    known = schema.properties.get(key)
    if known is None:
        if strict:
            raise FormError(f"{key}: property is not defined in schema")
        return value
    if known.is_boolean:
        # Release 8 takes words only where the key is written out; the bare default key must be a digit.
        words = release >= (9, 0) or key != schema.default
        return _settle_boolean(key, value, words=words, strict=strict)
    if strict and not known.check(value):
        raise FormError(f"{key}: value '{value}' does not fit")
    return value


def _settle_boolean(key: str, value: str, *, words: bool, strict: bool) -> str:
    try:
        if words or value in {"0", "1"}:
            return print_boolean(parse_boolean(value))
    except FormError:
        pass
    if strict:
        raise FormError(f"{key}: type check ('boolean') failed - got '{value}'")
    return value


def print_properties(values: Mapping[str, str], head: str = "") -> str:
    """``head`` (already printed), then the keys in order of their names, as Proxmox prints them."""
    parts = [head] if head else []
    return ",".join([*parts, *(f"{key}={values[key]}" for key in sorted(values))])


def one_of(*words: str) -> Check:
    return frozenset(words).__contains__


def whole_number(least: int, most: int | None = None) -> Check:
    """Digits, within bounds."""

    def check(text: str) -> bool:
        digits = text.removeprefix("-")
        return digits.isascii() and digits.isdigit() and least <= int(text) and (most is None or int(text) <= most)

    return check
