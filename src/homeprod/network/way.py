"""Way: every hop of a request, with the rules that chose it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homeprod.network.rendered.clue import Clue
from homeprod.site.declared import Declared
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Origin
from homeprod.site.entry.place import Place
from homeprod.site.entry.service import Service
from homeprod.site.entry.target import Target

HopKind = Literal["dns", "router", "passthrough", "proxy", "service"]
End = Literal["service", "redirect", "refused", "nowhere"]


@dataclass(frozen=True, slots=True)
class Other:
    """A rule that was not taken. ``is_near``: a person may have expected it to be."""

    words: str
    why: str
    cause: Declared
    is_near: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What decided, where in the site it stands (``keyword`` is the argument), and what else there was. ``clues``
    lead to it in the rendered site, where it is written down there."""

    words: str
    cause: Declared
    keyword: str = ""
    others: tuple[Other, ...] = ()
    clues: tuple[Clue, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """``place`` is None for what the site knows no address of."""

    kind: HopKind
    name: str
    place: Place | None
    port: int | None
    does: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """How it ends. ``status`` is None where the service gives it, or nobody does. ``certificate`` is what a client of
    TLS sees; ``is_trusted`` whether it is good for the name that was asked for."""

    end: End
    words: str
    status: int | None = None
    service: Service | None = None
    certificate: Certificate | None = None
    is_trusted: bool | None = None


@dataclass(frozen=True, slots=True)
class Way:
    target: Target
    from_: Origin
    hops: tuple[Hop, ...]
    answer: Answer
