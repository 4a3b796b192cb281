"""What nginx would choose, held against a small model of its own hash of names (ngx_hash.c), written apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeprod.core.hostname import NamePattern, pick
from homeprod.network.choice import choose
from homeprod.network.hostheader import read_host
from homeprod.network.routing import (
    choose_certificate,
    choose_route,
    choose_service,
    find_goal,
    is_good_for,
    is_refused,
)
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy, Route
from homeprod.site.entry.service import Service

LABELS = st.sampled_from(["a", "b", "c", "lab", "x"])
ZONES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.lists(st.one_of(ZONES, ZONES.map("*.{}".format)), unique=True, max_size=8)
NAMES = st.one_of(
    st.lists(st.one_of(LABELS, st.sampled_from(["", "A", "Lab", "*"])), max_size=6).map(".".join),
    st.text(alphabet="aAbBx.*\0 ", max_size=12),
    ZONES.map(lambda zone: f"{'q' * 300}.{zone}"),
    ZONES.map(str.upper),
    ZONES.map("{}.".format),
    st.sampled_from(["", ".", "..", "10.111.1.4", "[2001:db8::1]"]),
)


def make_entry(*patterns: str) -> Entry:
    """Each route leads to a proxy of its own."""
    routes = tuple(Route(pattern, to=f"p{number}") for number, pattern in enumerate(patterns))
    proxies = tuple(make_proxy(name) for name in (*(route.to for route in routes), "other"))
    return Entry(passthrough="front", default="other", proxies=proxies, routes=routes)


def make_proxy(machine: str, *services: Service) -> Proxy:
    certificates = tuple(
        Certificate(names=names, by="dns-01") for names in (("*.x.example",), ("*.lab.x.example", "a.lab.x.example"))
    )
    return Proxy(machine=machine, certificates=certificates, services=services)


def make_service(name: str, *names: str, access: str = "public") -> Service:
    return Service(name=name, names=names, upstreams=("http://192.0.2.1:80",), access=access)


def walk_as_nginx(patterns: list[str], sent: str) -> str:
    """ngx_stream_map_variable, then ngx_hash_find_combined: exact names in one table; wildcards in a tree of labels
    from the right, each node with the value of ``*.`` and itself. Bytes, as C has them."""
    name = sent.encode("latin-1")
    if name.endswith(b"."):
        name = name[:-1]
    name = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in name)
    if name.decode("latin-1") in patterns:
        return name.decode("latin-1")
    if not name:
        return ""
    tree: dict[bytes, object] = {}
    for pattern in patterns:
        if pattern.startswith("*."):
            node = tree
            for label in reversed(pattern[2:].encode().split(b".")):
                node = node.setdefault(label, {})  # type: ignore[assignment]
            node[b"*value"] = pattern
    node, found = tree, ""
    labels = name.split(b".")
    while labels:
        label = labels.pop()
        if label not in node or not labels:  # the last label on the left is never the zone itself
            break
        node = node[label]  # type: ignore[assignment]
        found = str(node.get(b"*value", found))
    return found


@given(PATTERNS, NAMES)
def test_a_route_is_chosen_as_nginx_does(patterns: list[str], name: str) -> None:
    choice = choose_route(make_entry(*patterns), name)
    assert (choice.pattern or "") == walk_as_nginx(patterns, name)
    assert (choice.by == "default") == (choice.owner is None)
    assert len(choice.misses) + (choice.owner is not None) == len(patterns)


@given(PATTERNS, NAMES)
def test_every_name_has_just_one_goal(patterns: list[str], name: str) -> None:
    entry = make_entry(*patterns)
    choice = choose_route(entry, name)
    assert find_goal(entry, choice).machine == ("other" if choice.owner is None else choice.owner.to)


@given(PATTERNS, NAMES)
def test_the_order_of_routes_is_nothing(patterns: list[str], name: str) -> None:
    assert (
        choose_route(make_entry(*patterns), name).pattern == choose_route(make_entry(*patterns[::-1]), name).pattern
    )


LAB = make_entry("*.lab.x.example", "demo.lab.x.example", "*.deep.lab.x.example")

NARROW = make_entry("b.x.example", "c.x.example")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("demo.lab.x.example", "demo.lab.x.example"),
        ("DEMO.Lab.X.example.", "demo.lab.x.example"),
        ("demo.lab.x.example..", None),
        ("other.lab.x.example", "*.lab.x.example"),
        ("a.b.lab.x.example", "*.lab.x.example"),
        ("a.deep.lab.x.example", "*.deep.lab.x.example"),
        ("deep.lab.x.example", "*.lab.x.example"),
        ("lab.x.example", None),
        ("xlab.x.example", None),
        (".lab.x.example", "*.lab.x.example"),
        ("a\0b.lab.x.example", "*.lab.x.example"),
        (f"{'a' * 300}.lab.x.example", "*.lab.x.example"),
        ("", None),
        (".", None),
        ("10.111.1.4", None),
        ("2001:db8::1", None),
        ("démo.lab.x.example", "*.lab.x.example"),
    ],
)
def test_routes_of_odd_names(name: str, pattern: str | None) -> None:
    """The map takes bytes: what no proxy accepts is led to one all the same."""
    assert choose_route(LAB, name).pattern == pattern


def test_why_other_rules_are_not_taken() -> None:
    reasons = {miss.pattern: (miss.why, miss.is_near) for miss in choose_route(LAB, "demo.lab.x.example").misses}
    assert reasons == {
        "*.lab.x.example": ("an exact name comes before a wildcard", True),
        "*.deep.lab.x.example": ("the name does not end with .deep.lab.x.example", False),
    }
    reasons = {miss.pattern: (miss.why, miss.is_near) for miss in choose_route(LAB, "a.deep.lab.x.example").misses}
    assert reasons["*.lab.x.example"] == ("*.deep.lab.x.example is longer, and the longest is taken", True)
    reasons = {miss.pattern: (miss.why, miss.is_near) for miss in choose_route(LAB, "lab.x.example").misses}
    words = "it stands for names below lab.x.example, and not for lab.x.example itself"
    assert reasons["*.lab.x.example"] == (words, True)
    words = "it stands for demo.lab.x.example alone, which is below lab.x.example"
    assert reasons["demo.lab.x.example"] == (words, True)
    reasons = {miss.pattern: (miss.why, miss.is_near) for miss in choose_route(NARROW, "a.b.x.example").misses}
    assert reasons == {
        "b.x.example": ("it stands for b.x.example alone, and not for names below", True),
        "c.x.example": ("it is another name", False),
    }


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("Demo.Example:80", "demo.example"),
        ("demo.example.", "demo.example"),
        ("demo.example.:443", "demo.example"),
        ("[2001:DB8::1]:80", "[2001:db8::1]"),
        ("[2001:db8::1", "[2001:db8::1"),
        ("10.111.1.4:8080", "10.111.1.4"),
        ("a_b", "a_b"),
        ("démo", "démo"),
        ("", None),
        (".", None),
        (":80", None),
        ("a..b", None),
        ("a/b", None),
        ("a b", None),
        ("a\0b", None),
        ("a\x7fb", None),
    ],
)
def test_a_host_header_as_nginx_reads_it(header: str, host: str | None) -> None:
    assert read_host(header) == host


def test_what_is_for_the_lan_alone_is_not_there_for_others() -> None:
    proxy = make_proxy(
        "p",
        make_service("all", "*.lab.x.example"),
        make_service("own", "own.lab.x.example", access="lan"),
    )
    inside, outside = (choose_service(proxy, "own.lab.x.example", from_=origin) for origin in ("lan", "wan"))
    assert inside.owner is not None
    assert inside.owner.name == "own"
    assert outside.owner is not None
    assert outside.owner.name == "all"
    assert [(miss.why, miss.is_near) for miss in outside.misses] == [("own is for the LAN alone", True)]


def test_the_certificate_goes_by_the_pattern_and_not_by_the_name() -> None:
    """As a server block of nginx has one certificate for all of its names."""
    proxy = make_proxy("p", make_service("s", "*.x.example", "a.lab.x.example", "*.lab.x.example"))
    first, second = proxy.certificates
    for name, certificate, is_good in (
        ("b.x.example", first, True),
        ("c.b.x.example", first, False),
        ("a.lab.x.example", second, True),
        ("b.lab.x.example", second, True),
        ("lab.x.example", first, True),
        ("y.example", first, False),
        ("", first, False),
    ):
        assert choose_certificate(proxy, choose_service(proxy, name)) is certificate, name
        assert is_good_for(certificate, name) == is_good, name


def test_names_that_openssl_refuses() -> None:
    assert [is_refused(name) for name in ("a" * 255, "a" * 256, "a\0b", "")] == [False, True, True, False]


def test_a_table_without_rules_is_the_default() -> None:
    rules: list[tuple[NamePattern, str]] = []
    assert choose(rules, "x").by == "default"
    assert pick([], "x") is None
