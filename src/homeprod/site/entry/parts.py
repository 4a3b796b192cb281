"""Parts of an Entry: what it is made of, and what was declared for one and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from homeprod.site.declared import Declared, is_broken
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Expectation, Proxy, Route
from homeprod.site.entry.gateway import Gateway
from homeprod.site.entry.service import Service

_KINDS = (Proxy, Service, Certificate, Route, Expectation, Gateway)


def list_unread(made: Iterable[Declared], entry: Entry | None) -> tuple[Declared, ...]:
    """Nothing where there is no sound entry. Of a Proxy that is left out its own parts are not named as well."""
    if entry is None or is_broken(entry):
        return ()
    strays = [one for one in made if isinstance(one, _KINDS)]
    held = {id(part) for whole in (entry, *strays) for part in _list_parts(whole)}
    return tuple(one for one in strays if id(one) not in held)


def _list_parts(whole: Declared) -> Iterator[Declared]:
    values = () if is_broken(whole) else vars(whole).values()
    for value in values:
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            if isinstance(part, Declared):
                yield part
