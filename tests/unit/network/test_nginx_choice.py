"""The table's own evaluation, held against the real nginx for generated tables and names."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator

import pytest
from tests.nginx_tables import DEFAULT, REFUSED, Table, Tables, open_tables

from homeprod.core.hostname import NamePattern
from homeprod.network.choice import choose
from homeprod.network.hostheader import read_host
from homeprod.network.routing import choose_route
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Proxy, Route

COUNT = int(os.environ.get("HOMEPROD_TABLES", "40"))
NAMES = 60
MAP_WORDS = ("default", "hostnames", "include", "volatile", "*.default")
LABELS = ["a", "b", "c", "lab", "x", "xn--bcher-kva", "-"]
ODD_LABELS = [*LABELS, "", "*", "a" * 300, "a\0b", "é"]
SIGNS = "\0\x7f .:/[]*$;{}\"'\\é" + string.ascii_uppercase
FIXED = (
    *(
        "",
        ".",
        "..",
        "...",
        "10.111.1.4",
        "2001:db8::1",
        "[2001:db8::1]",
        "*",
        "*.x",
        ".x",
        "x.",
        "x..",
        "\0",
        "default",
    ),
    *(
        "hostnames",
        "include",
        "volatile",
        "x.default",
        "~x",
        "a" * 255,
        "a" * 256,
        "a" * 4000,
        f"{'a' * 251}.x",
        f"{'b' * 300}.x",
    ),
)


def _draw_table(draw: random.Random) -> Table:
    names = {draw.choice(["", "*."]) + _draw_zone(draw) for _ in range(draw.randint(0, 10))}
    names |= {*draw.choices(MAP_WORDS, k=draw.randint(0, 2))}
    return {name: f"p{number}" for number, name in enumerate(sorted(names))}


def _draw_zone(draw: random.Random) -> str:
    return ".".join(draw.choices(LABELS[:-1], k=draw.randint(1, 4)))


def _draw_name(draw: random.Random, table: Table) -> str:
    """One of the table's or near it, with a flaw perhaps."""
    name = draw.choice([*(pattern.removeprefix("*.") for pattern in table), _draw_zone(draw)])
    for _ in range(draw.randint(0, 2)):
        name = draw.choice(
            [
                f"{draw.choice(ODD_LABELS)}.{name}",
                f".{name}",
                f"{name}.",
                f"{name}:80",
                f"[{name}]",
                name.upper(),
                name.title(),
                name.partition(".")[2],
                _spoil(draw, name),
            ]
        )
    return name


def _spoil(draw: random.Random, name: str) -> str:
    at = draw.randint(0, len(name))
    return name[:at] + draw.choice(SIGNS) + name[at:]


def _make_entry(table: Table) -> Entry:
    def make_proxy(machine: str) -> Proxy:
        return Proxy(machine=machine, certificates=(Certificate(names=("x.example",), by="dns-01"),))

    routes = tuple(Route(pattern, to=goal) for pattern, goal in table.items())
    return Entry(
        passthrough="front",
        default=DEFAULT,
        proxies=tuple(map(make_proxy, (*table.values(), DEFAULT))),
        routes=routes,
    )


def _list_names(table: Table) -> list[str]:
    draw = random.Random(repr(table))  # noqa: S311 (no secret)
    return [*FIXED, *(_draw_name(draw, table) for _ in range(NAMES)), *table]


DRAW = random.Random(COUNT)  # noqa: S311 (no secret)
TABLES = [_draw_table(DRAW) for _ in range(COUNT)]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    with open_tables(tmp_path_factory.mktemp("t"), TABLES) as tables:
        yield tables


def _compare(nginx: Tables, door: str, wanted: list[dict[str, str]]) -> list[tuple[Table, str, str, str]]:
    """What is otherwise: table, name, what nginx took, what we say."""
    wrong = []
    for number, (table, answers) in enumerate(zip(TABLES, wanted, strict=True)):
        found = nginx.ask_all(door, number, [name.encode("latin-1") for name in answers])  # type: ignore[arg-type]
        pairs = zip(answers.items(), found, strict=True)
        wrong += [(table, name, took, say) for (name, say), took in pairs if took != say]
    return wrong


def test_a_route_by_the_name_in_the_hello(nginx: Tables) -> None:
    wanted = []
    for table in TABLES:
        entry = _make_entry(table)
        choices = {name: choose_route(entry, name).owner for name in _list_names(table)}
        wanted.append({name: DEFAULT if owner is None else owner.to for name, owner in choices.items()})
    assert _compare(nginx, "tls", wanted) == []


@pytest.mark.parametrize("door", ["plain", "service"])
def test_a_route_or_a_service_by_the_host(nginx: Tables, door: str) -> None:
    """Spaces around a header's value are none of it."""
    wanted = []
    for table in TABLES:
        rules = [(NamePattern.parse(pattern), goal) for pattern, goal in table.items()]
        hosts = {name.strip(" "): read_host(name.strip(" ")) for name in _list_names(table)}
        wanted.append(
            {name: REFUSED if host is None else choose(rules, host).owner or DEFAULT for name, host in hosts.items()}
        )
    assert _compare(nginx, door, wanted) == []


def test_the_names_are_of_every_kind() -> None:
    names = [name for table in TABLES for name in _list_names(table)]
    for is_so in (
        lambda name: name.startswith("."),
        lambda name: name.endswith("."),
        lambda name: "\0" in name,
        lambda name: len(name) > 255,
        lambda name: name != name.lower(),
        lambda name: ".." in name,
    ):
        assert sum(map(is_so, names)) > COUNT  # type: ignore[no-untyped-call]
    assert sum(map(len, TABLES)) > COUNT
