"""Split DNS, asked of the real dnsmasq and unbound: the table's own answers, and no others."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from ipaddress import ip_address
from pathlib import Path

import pytest
from tests.resolver_process import (
    AAAA,
    HTTPS,
    PUBLIC,
    PublicDns,
    ask,
    open_public,
    run_dnsmasq,
    run_unbound,
)

from homeprod.core.hostname import NamePattern, pick
from homeprod.network.resolvers import dnsmasq, unbound
from homeprod.network.resolvers.answers import Answer, Answers, Ip, describe_answers
from homeprod.network.resolvers.dnsmasq import render_dnsmasq, write_address
from homeprod.network.resolvers.unbound import render_unbound, write_data
from homeprod.network.splitdns import choose_record
from homeprod.site.loader import load_site

SITE = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
assert SITE.entry is not None
ENTRY = SITE.entry
Run = Callable[[Path, str, PublicDns], AbstractContextManager[int]]
BOTH: list[tuple[Run, Callable[[Answers], str]]] = [(run_dnsmasq, render_dnsmasq), (run_unbound, render_unbound)]
KINDS = pytest.mark.parametrize(("run", "render"), BOTH, ids=["dnsmasq", "unbound"])
NEAR = {
    "demo.lab.pegasuspad.com": "10.111.1.212",
    "other.lab.pegasuspad.com": "10.111.1.212",
    "a.b.lab.pegasuspad.com": "10.111.1.212",
    "a.demo.lab.pegasuspad.com": "10.111.1.212",
    "cloud.pegasuspad.com": "10.111.1.5",
    "CLOUD.pegasuspad.com": "10.111.1.5",
    "coder.pegasuspad.com": "10.111.1.5",
    "sean.coder.pegasuspad.com": "10.111.1.5",
    "collabora.home.pegasuspad.com": "10.111.1.5",
}
FAR = (
    "pegasuspad.com",
    "www.pegasuspad.com",
    "a.cloud.pegasuspad.com",
    "home.pegasuspad.com",
    "xlab.pegasuspad.com",
    "_acme-challenge.pegasuspad.com",
    "_acme-challenge.lab.pegasuspad.com",
    "unknown.example",
)


@KINDS
def test_the_names_of_pegasus(tmp_path: Path, run: Run, render: Callable[[Answers], str]) -> None:
    text = render(describe_answers(SITE, ENTRY))
    with open_public() as public, run(tmp_path, text, public) as port:
        for name, address in NEAR.items():
            assert ask(port, name) == [address], name
            assert ask(port, name, AAAA) == ask(port, name, HTTPS) == [], name
        assert public.asked == set()
        for name in FAR:
            assert ask(port, name) == [PUBLIC], name
        assert public.asked == set(FAR)


def test_the_table_says_the_same() -> None:
    values = describe_answers(SITE, ENTRY)
    for name, address in NEAR.items():
        record = choose_record(ENTRY, name.lower()).owner
        assert record is not None
        found = values.find(record.name)
        assert found is not None
        assert [str(one) for one in found.addresses] == [address]
        assert dnsmasq.look_up(values, name.lower()) == found
        assert list_addresses(unbound.look_up(values, name.lower())) == found.addresses
    for name in FAR:
        assert dnsmasq.look_up(values, name) is unbound.look_up(values, name) is None


@KINDS
@pytest.mark.parametrize("seed", range(6))
def test_generated_tables(tmp_path: Path, run: Run, render: Callable[[Answers], str], seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 (no secret)
    values = _draw_answers(draw)
    with open_public() as public, run(tmp_path, render(values), public) as port:
        for name in _draw_names(draw):
            wanted = _find(values, name, run is run_unbound)
            found = (unbound if run is run_unbound else dnsmasq).look_up(values, name)
            assert list_addresses(found) == list_addresses(wanted), (name, values)
            v4, *v6 = [str(one) for one in wanted.addresses] if wanted is not None else [PUBLIC]
            public.asked.clear()
            assert ask(port, name) == [v4], (name, values)
            assert ask(port, name, AAAA) == v6, (name, values)
            assert (name in public.asked) == (wanted is None), (name, values)


def list_addresses(answer: Answer | None) -> tuple[Ip, ...]:
    """unbound may have it from a zone that has the same addresses as the rule of the table."""
    return answer.addresses if answer is not None else ()


def _find(values: Answers, name: str, is_unbound: bool) -> Answer | None:
    """What unbound cannot tell apart is said in its module, and in what it writes."""
    if is_unbound:
        own, above = values.find(name), values.find(f"*.{name}")
        if own is None and above is not None:
            return above
        zones = [answer.name.zone for answer in values.answers if name.endswith(f".{answer.name.zone}")]
        zone = max(zones, key=len, default="")
        near, below = values.find(zone), values.find_below(zone)
        if own is None and near is not None and (below is None or below.addresses != near.addresses):
            return None
    found = pick((answer.name for answer in values.answers), name)
    return values.find(found) if found is not None else None


def _draw_answers(draw: random.Random) -> Answers:
    machines = {
        name: (ip_address(f"10.111.1.{number}"), ip_address(f"2001:db8::{number}"))
        for number, name in enumerate(("lab-proxy", "prod-proxy", "other"), start=4)
    }
    names = {draw.choice(["", "*."]) + _draw_name(draw) for _ in range(12)}
    owned = ((NamePattern.parse(name), draw.choice([*machines])) for name in sorted(names))
    return Answers(tuple(Answer(name, machine, machines[machine]) for name, machine in owned))


def _draw_name(draw: random.Random) -> str:
    return ".".join([*draw.choices("abc", k=draw.randint(0, 3)), draw.choice(["x.example", "y.example"])])


def _draw_names(draw: random.Random) -> list[str]:
    more = [f"q.{_draw_name(draw)}" for _ in range(20)]
    return sorted({*(_draw_name(draw) for _ in range(60)), *more, "example", "z.example"})


def test_a_line_for_each_answer() -> None:
    values = describe_answers(SITE, ENTRY)
    lines, others = render_dnsmasq(values).splitlines(), render_unbound(values).splitlines()
    for answer in values.answers:
        assert write_address(answer.name, answer.addresses[0]) in lines
        assert write_data(values, answer.name, answer.addresses[0]) in others
