"""What text in an Entry is parsed to at once, since nginx will read it: no free text gets any further."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from homeprod.core.hostname import NamePattern
from homeprod.site.declared import Declared, source_of, with_article
from homeprod.site.names import name_of

_T = TypeVar("_T")
_MACHINE = re.compile(r"[a-z][a-z0-9-]*")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# Printable ASCII but for what nginx reads inside quotes: its variables, and the quote and backslash themselves.
_VALUE = re.compile(r"[ !#%-\[\]-~]{1,2000}")
_TAKEN = frozenset(
    [
        *("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("alt-svc", "date", "forwarded", "host", "server", "x-real-ip"),
    ]
)
"""Headers that the proxy sets itself: framing, the client's address, and what it must not promise (HTTP/3)."""


def _read_name(text: object) -> NamePattern:
    try:
        return NamePattern.parse(text)
    except ValueError as error:
        if meant := _find_below(text):
            raise ValueError(f"{text!r} begins with a dot, which no name does", f"is {meant} meant?") from error
        raise


def _find_below(text: object) -> str:
    """The wildcard of a zone with a dot before it, as other programs write one; empty where it is none."""
    try:
        return NamePattern.parse(f"*{text}") if isinstance(text, str) and text.startswith(".") else ""
    except ValueError:
        return ""


def _read_machine(text: object, info: ValidationInfo) -> str:
    if isinstance(text, Declared):
        kind, name = with_article(type(text).__name__), _find_name(text)
        raise ValueError(f"is {kind}, and a machine's name is wanted", f'write\n\n  {info.field_name}="{name}"')
    if not isinstance(text, str):
        raise ValueError("must be a text: a machine's name, such as lab-proxy")
    if not _MACHINE.fullmatch(text) or len(text) > 63:
        raise ValueError(f"{text[:80]!r} is no machine's name, such as lab-proxy")
    return text


def _find_name(declared: Declared) -> str:
    """That of a Proxy's machine, or of the machine itself, which its module is called by."""
    if isinstance(machine := getattr(declared, "machine", None), str):
        return machine
    source = source_of(declared)
    return (name_of(source.file.stem) if source is not None else None) or "…"


def read_headers(value: object) -> Mapping[str, str]:
    """A header's value by its name. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError('must be names with values: {"X-Frame-Options": "DENY"}')
    for name, words in value.items():
        _check_header(name, words)
    names = [str(name).lower() for name in value]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice} stands there twice")
    return dict(value)


def _check_header(name: object, words: object) -> None:
    if not isinstance(name, str) or not _HEADER.fullmatch(name):
        raise ValueError(f"{name!r} is no header's name: a letter, then letters, digits and -, 64 at most")
    if name.lower() == "strict-transport-security":  # a promise for each host, and never for a whole zone
        raise ValueError("Strict-Transport-Security is said by hsts=", "write\n\n  hsts=63_072_000")
    if name.lower() in _TAKEN or name.lower().startswith(("x-forwarded-", "proxy-")):
        raise ValueError(f"{name} is set by the proxy itself")
    if not isinstance(words, str) or not _VALUE.fullmatch(words) or words != words.strip():
        signs = 'printable ASCII without ", \\ and $, 2000 at most, and no space around it'
        raise ValueError(f"the value of {name} must be {signs}")


def refuse_none(values: tuple[_T, ...]) -> tuple[_T, ...]:
    """As ``min_length=1``, which would speak up too where the only one is wrong. Raises ValueError."""
    if not values:
        raise ValueError("there must be one at least, in brackets, with a comma even behind a single one: (one,)")
    return values


Name = Annotated[NamePattern, PlainValidator(_read_name)]
Names = Annotated[tuple[Name, ...], AfterValidator(refuse_none)]
MachineName = Annotated[str, PlainValidator(_read_machine)]
Headers = Annotated[Mapping[str, str], PlainValidator(read_headers)]
