"""Compose's variables, as far as they can be told here."""

from __future__ import annotations

import pytest

from homeprod.apps.interpolation import expand
from homeprod.apps.variables import Variables

KNOWN = Variables({"A": "a", "EMPTY": ""}, {"LOOSE": "l"})
SECRET = Variables({"A": "a"}, {"LOOSE": "l"}, has_secrets=True)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("$A/${A}", "a/a"),
        ("$$A", "$A"),
        ("cost: $$5", "cost: $5"),
        ("${LOOSE}", "l"),
        ("${NONE}", None),
        ("$NONE", None),
        ("${NONE:-x}", "x"),
        ("${NONE-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY}", ""),
        ("${A:+set}", "set"),
        ("${NONE:+set}", ""),
        ("${NONE+set}", ""),
        ("${EMPTY+set}", "set"),
        ("${A:?why}", "a"),
        ("${NONE:?why}", None),
        ("${NONE:-${A}}", "a"),
        ("${NONE:-${ALSO_NONE}}", None),
        ("${NONE:-${ALSO_NONE:-x}}", "x"),
        ("${A:-${B:-${C}}}", None),
        ("${BROKEN", None),
        ("100% ${A}$", None),
    ],
)
def test_what_compose_makes_of_it(text: str, seen: str | None) -> None:
    assert expand(text, KNOWN) == seen


@pytest.mark.parametrize(("text", "seen"), [("${A}", "a"), ("${LOOSE}", None), ("${NONE:-x}", None), ("x", "x")])
def test_a_file_on_the_host_may_say_otherwise(text: str, seen: str | None) -> None:
    assert expand(text, SECRET) == seen
