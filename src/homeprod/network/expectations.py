"""The site's expectations, held against its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.network.explain import explain
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry, Expectation
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Trial:
    """``problem`` says what is otherwise than expected, or nothing; ``left`` what the table alone cannot tell."""

    expectation: Expectation
    way: Way
    problem: str
    left: str = ""


def try_expectations(site: Site, entry: Entry) -> Iterator[Trial]:
    for one in entry.expectations:
        way = explain(site, entry, one.url, one.from_)
        is_open = one.status is not None and way.answer.end == "service"
        left = f"whether {one.reaches} answers with {one.status}" if is_open else ""
        yield Trial(one, way, _find_problem(one, way), left)


def _find_problem(one: Expectation, way: Way) -> str:
    answer = way.answer
    reached = answer.service.name if answer.end == "service" and answer.service is not None else None
    if reached != one.reaches:
        wanted = f"should reach {one.reaches}" if one.reaches is not None else "should reach no service"
        return f"{wanted}: {answer.words}"
    if reached is None and one.status is not None and answer.status != one.status:
        return f"should be answered with {one.status}: {answer.words}"
    if reached is not None and answer.is_trusted is False:
        return f"reaches {reached}, and its certificate is not good for {one.url.host}"
    return ""
