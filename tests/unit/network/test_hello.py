"""The passthrough reads the name out of any hello, however it comes, and passes every byte of it on."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator

import pytest
from tests.passed_on import Hall, open_hall
from tests.tls_hello import make_hello, put_into_records

ROUTES = {
    "*.lab.example": "lab",
    "exact.example": "lab",
    "inner.lab.example": "other",
    "*.deep.lab.example": "other",
    "a.deep.lab.example": "lab",
}
DEFAULT = "prod"
COUNT = int(os.environ.get("HOMEPROD_HELLOS", "5000"))
STEP = int(os.environ.get("HOMEPROD_HELLO_STEP", "16"))


def choose(name: str) -> str:
    """What the table says, in its own words: exact, else the longest wildcard above, else the default."""
    name = name.lower().removesuffix(".")
    if name in ROUTES:
        return ROUTES[name]
    labels = name.split(".")
    above = (".".join(["*", *labels[start:]]) for start in range(1, len(labels)))
    return next((ROUTES[pattern] for pattern in above if pattern in ROUTES), DEFAULT)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with open_hall(tmp_path_factory.mktemp("hall"), ROUTES, DEFAULT) as hall:
        yield hall


@pytest.mark.parametrize(
    ("name", "gate"),
    [
        (b"a.lab.example", "lab"),
        (b"a.b.lab.example", "lab"),
        (b"A.LAB.Example", "lab"),
        (b"a.lab.example.", "lab"),
        (b"inner.lab.example", "other"),
        (b"x.deep.lab.example", "other"),
        (b"a.deep.lab.example", "lab"),
        (b"lab.example", "prod"),
        (b"exact.example", "lab"),
        (b"sub.exact.example", "prod"),
        (b"*.lab.example", "lab"),
        (b".lab.example", "lab"),
        (b"default", "prod"),
        (b"10.111.1.4", "prod"),
        (b"fd00::4", "prod"),
        (b"", "prod"),
        (None, "prod"),
        (b"x" * 63 + b".lab.example", "lab"),
        (b".".join([b"x" * 60] * 4) + b".lab.example", "lab"),
        (b"a\x00.lab.example", "lab"),
        (b"\xff\xfe.lab.example", "lab"),
    ],
)
def test_a_name_leads_where_the_table_says(hall: Hall, name: bytes | None, gate: str) -> None:
    hello = put_into_records(make_hello(name))
    arrival = hall.send(hello)
    assert (arrival.gate, arrival.content) == (gate, hello)


def test_a_hello_that_is_cut_anywhere(hall: Hall) -> None:
    hello = put_into_records(make_hello(b"a.lab.example"))
    for cut in {*range(1, len(hello), STEP), 1, 5, len(hello) - 1}:
        arrival = hall.send(hello[:cut], hello[cut:], pause=0.01)
        assert (arrival.gate, arrival.content) == ("lab", hello), cut


def test_a_hello_byte_by_byte(hall: Hall) -> None:
    hello = put_into_records(make_hello(b"a.lab.example"))
    assert hall.send(*(hello[at : at + 1] for at in range(len(hello))), pause=0.001).gate == "lab"


def test_a_hello_over_two_records(hall: Hall) -> None:
    message = make_hello(b"a.lab.example")
    for cut in {*range(1, len(message), STEP), 1, 4, len(message) - 1}:
        hello = put_into_records(message, cut)
        arrival = hall.send(hello)
        assert (arrival.gate, arrival.content) == ("lab", hello), cut


@pytest.mark.parametrize("size", [512, 1800, 4000, 16_000, 16_190])
def test_a_hello_as_long_as_post_quantum_keys_make_it(hall: Hall, size: int) -> None:
    hello = put_into_records(make_hello(b"a.lab.example", size=size))
    arrival = hall.send(hello)
    assert (arrival.gate, arrival.content) == ("lab", hello)


def test_a_hello_that_is_longer_than_what_is_looked_at(hall: Hall) -> None:
    """Only the end of the connection is promised: nothing is sent anywhere by half of a hello."""
    assert hall.send(put_into_records(make_hello(b"a.lab.example", size=20_000), 16_000)).gate in ("", "lab")


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\nHost: a.lab.example\r\n\r\n",
        b"SSH-2.0-x\r\n",
        pytest.param(b"\x16\x03\x01\x00\x00", marks=pytest.mark.slow),  # as long as nginx waits for more
    ],
)
def test_what_is_no_hello_goes_to_the_default(hall: Hall, content: bytes) -> None:
    assert hall.send(content).gate in (DEFAULT, "")


@pytest.mark.slow
def test_generated_names_are_never_misrouted(hall: Hall) -> None:
    draw = random.Random(COUNT)  # noqa: S311 (no secret)
    names = [_draw_name(draw) for _ in range(COUNT)]
    hellos = [put_into_records(make_hello(name.encode(), draw=draw)) for name in names]
    wrong = [
        (name, arrival.gate)
        for name, hello, arrival in zip(names, hellos, hall.send_all(hellos), strict=True)
        if (arrival.gate, arrival.content) != (choose(name), hello)
    ]
    assert wrong == []


def _draw_name(draw: random.Random) -> str:
    """Near the routes' own names, where mistakes would be."""
    zone = draw.choice(
        ["lab.example", "deep.lab.example", "inner.lab.example", "exact.example", "example", "other.test"]
    )
    labels = [
        "".join(draw.choices(string.ascii_letters + string.digits + "-_", k=draw.randint(1, 12)))
        for _ in range(draw.randint(0, 3))
    ]
    name = ".".join([*labels, zone])
    if draw.random() < 0.2:
        name = "".join(draw.choice([sign.upper(), sign]) for sign in name)
    return name + "." * (draw.random() < 0.1)
