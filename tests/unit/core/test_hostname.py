"""Host names and patterns: what is taken, how it is kept, and what a pattern stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeprod.core.hostname import HostName, NamePattern, fold, pick


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Demo.Example", "demo.example"),
        ("demo.example.", "demo.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),  # not transitional: not strasse.example
        ("a。example", "a.example"),  # a full stop of UTS 46, as browsers take it
        ("localhost", "localhost"),
        ("4.example", "4.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),  # 253
    ],
)
def test_names_are_kept_in_one_form(text: str, kept: str) -> None:
    assert HostName.parse(text) == kept
    assert HostName.parse(kept) == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0b", "a NUL"),
        ("a b", "a space"),
        ("a'b", "a quote"),
        ('a"b', "a quote"),
        ("a;b", "a semicolon"),
        ("a_b.example", "an underscore"),
        ("a\nb", "'\\\\n'"),
        ("a$b", "'\\$'"),
        ("a{b", "'{'"),
        ("a/b", "'/'"),
        ("*.example", "a star"),
        ("", "no label"),
        (".", "no label"),
        ("a..b", "no label"),
        (".example", "no label"),
        ("a.example..", "no label"),
        ("a-.example", "no label begins or ends with -"),
        ("a" * 64 + ".example", "63 characters at most, and one has 64"),
        ("abcdefghi." * 30, "253 characters at most, and this has 300"),
        ("ä" * 60 + "." + "ö" * 60, "no internationalised name"),
        ("10.111.1.4", "an address"),
        ("::1", "an address"),
        ("fe80::1%eth0", "an address"),
        ("１０.1.1.1", "an address"),
        ("a.１", "an address"),
        ("xn--a.example", "no internationalised name"),
        ("☃.example", "no internationalised name"),
        ("a\u202eb.example", "u202e"),
        (7, "must be a text"),
    ],
)
def test_what_is_no_name(text: object, words: str) -> None:
    for parse in (HostName.parse, NamePattern.parse) if text != "*.example" else (HostName.parse,):
        with pytest.raises(ValueError, match=words) as caught:
            parse(text)
        assert len(str(caught.value)) < 250
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["*", "a.*.example", "*a.example", "**.example", "*.*.example", ".example.*"])
def test_a_star_is_the_first_label_alone(text: str) -> None:
    with pytest.raises(ValueError, match="a star stands for the whole first label"):
        NamePattern.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_a_safe_name_or_a_value_error(text: str) -> None:
    try:
        name = NamePattern.parse(text)
    except ValueError:
        return
    assert set(name.removeprefix("*.")) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert len(name) <= 253
    assert NamePattern.parse(name) == name
    assert fold(name) == name


@pytest.mark.parametrize(
    ("pattern", "name", "matches", "covers"),
    [
        ("a.example", "a.example", True, True),
        ("a.example", "b.a.example", False, False),
        ("*.example", "a.example", True, True),
        ("*.example", "b.a.example", True, False),
        ("*.example", "example", False, False),
        ("*.example", "aexample", False, False),
        ("*.example", ".example", True, False),
        ("*.example", "*.example", True, True),
        ("*.example", "*.a.example", True, False),
        ("a.example", "*.a.example", False, False),
        ("*.a.example", "*.example", False, False),
    ],
)
def test_what_a_pattern_stands_for(pattern: str, name: str, matches: bool, covers: bool) -> None:
    """For nginx a star is any number of labels, for a certificate one."""
    parsed = NamePattern.parse(pattern)
    assert (parsed.matches(name), parsed.covers(name)) == (matches, covers)


def test_the_exact_one_then_the_longest() -> None:
    patterns = [NamePattern.parse(text) for text in ("*.x", "*.b.x", "*.a.b.x", "c.a.b.x")]
    names = ("c.a.b.x", "d.a.b.x", "a.b.x", "b.x", "x", "")
    assert [pick(patterns, name) for name in names] == ["c.a.b.x", "*.a.b.x", "*.b.x", "*.x", None, None]


def test_names_are_folded_as_nginx_does() -> None:
    assert [fold(name) for name in ("A.B.", "a..", "ÄB", "\u212a", ".", "")] == ["a.b", "a.", "Äb", "\u212a", "", ""]
