"""Letters that look like others."""

from __future__ import annotations

import pytest

from homeprod.core.hostname import NamePattern
from homeprod.core.letters import find_mixed, show_letters, tell_letter


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("wiki.example.net", ""),
        ("b\u00fccher.example", ""),
        ("w\u0456ki.example.net", "\u0456"),
        ("*.w\u0456ki.example.net", "\u0456"),
        ("\u03b1pple.example", "\u03b1"),
        ("\u043f\u0440\u0438\u0432\u0435\u0442.example", ""),
        ("sony\u30bd\u30cb\u30fc.example", ""),
    ],
)
def test_a_letter_that_looks_like_a_latin_one(name: str, sign: str) -> None:
    assert find_mixed(NamePattern.parse(name)) == sign


def test_how_a_name_is_shown() -> None:
    assert show_letters("*.xn--bcher-kva.example") == "*.b\u00fccher.example"
    assert tell_letter("\u0456") == "Cyrillic small letter byelorussian-ukrainian i"
