"""Templates: what may stand in an nginx configuration, and nothing else.

Values come parsed: addresses, names, numbers, ports. Each is looked at once more where it is put in, since a space, a
semicolon, a brace, a quote or a dollar that came through would be configuration of somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

_WORD = re.compile(r"[A-Za-z0-9_./:*=+-]+")
_MAP_WORDS = ("default", "hostnames", "include", "volatile")
_QUOTED = re.compile(r"[ -#%-\[\]-~]*")
"""Printable ASCII without ``$``, which nginx cannot be told to take as it is, and without a backslash."""


def render(name: str, **values: object) -> str:
    """The template of that name. Raises ValueError for a value that is no word of a configuration."""
    return _load(name).render(**values)


@lru_cache
def _load(name: str) -> Template:
    loader = PackageLoader("homeprod.network.nginx")
    environment = Environment(  # noqa: S701 (no HTML)
        loader=loader,
        undefined=StrictUndefined,
        finalize=check_word,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        place=write_place,
        everywhere=write_everywhere,
        quoted=quote,
        words=write_words,
        joined=write_joined,
        source=write_source,
    )
    return environment.get_template(name)


class Written(str):
    """A text that was made here, fit to be put in."""

    __slots__ = ()


def check_word(value: object) -> object:
    """The value, where it may stand in a configuration as one word. Raises ValueError."""
    if isinstance(value, Written | int | IPv4Address | IPv4Network | IPv6Address | IPv6Network):
        return value
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    raise ValueError(f"{value!r} is no word of an nginx configuration")


def quote(value: str) -> Written:
    """In double quotes. Raises ValueError for what nginx would read as something else."""
    if not _QUOTED.fullmatch(value):
        raise ValueError(f"{value!r} cannot stand in an nginx configuration")
    return Written('"' + value.replace('"', '\\"') + '"')


def write_place(address: IPv4Address | IPv6Address, port: int) -> Written:
    """As nginx writes them: ``10.0.0.1:80``, ``[fd00::1]:80``."""
    return Written(f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}")


def write_everywhere(port: int) -> Written:
    """The port on every IPv6 address; nginx takes no IPv4 there (`ipv6only` is on)."""
    return Written(f"[::]:{port}")


def write_source(name: str) -> Written:
    """A value that a map goes by; a backslash tells it from the map's own words (ngx_http_map_module)."""
    word = str(check_word(name))
    return Written(f"\\{word}" if word in _MAP_WORDS else word)


def write_words(values: Iterable[object]) -> Written:
    """Several, with a space between; empty ones are left out. Raises ValueError as :func:`check_word`."""
    return Written(" ".join(str(check_word(value)) for value in values if value != ""))


def write_joined(values: Iterable[object]) -> Written:
    """With a colon between, in quotes where an address has some."""
    return Written('"' + ":".join(str(check_word(value)) for value in values) + '"')
