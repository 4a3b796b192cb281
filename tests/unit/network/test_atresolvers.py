"""Where the LAN's resolvers lead, each kind of them, where they do not answer alike."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address

import pytest
from tests.home import PEGASUS

from homeprod.network.explain import explain
from homeprod.network.rendered.files import UNBOUND, render_entry
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.compare import choose_said
from homeprod.network.walk.seen import Resolved
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry, Route
from homeprod.site.entry.target import read_target
from homeprod.site.loader import load_site
from homeprod.site.site import Site

PUBLIC = "it leads to wherever the public DNS says"
HERE, THERE = (ip_address("192.0.2.1"),), (ip_address("192.0.2.2"),)


@pytest.fixture(scope="module")
def site() -> Site:
    """The example, with a route around all of its names."""
    plain = load_site(PEGASUS)
    assert plain.entry is not None
    routes = (*plain.entry.routes, Route("*.pegasuspad.com", to="lab-proxy"))
    return dataclasses.replace(plain, entry=plain.entry.model_copy(update={"routes": routes}))


def require_entry(site: Site) -> Entry:
    assert site.entry is not None
    return site.entry


def go(site: Site, name: str) -> Way:
    return explain(site, require_entry(site), read_target(name), "lan")


def find_lines(site: Site, way: Way) -> list[tuple[str, str]]:
    """Each rule of the resolvers', and its line for unbound."""
    files, found = render_entry(site), []
    for rule in way.hops[0].rules:
        numbers = [clue.find(files) for clue in rule.clues if clue.file == UNBOUND]
        lines = [files[UNBOUND].splitlines()[number - 1].strip() for number in numbers if number is not None]
        assert len(lines) == len(numbers)
        found.append((rule.words, "".join(lines)))
    return found


def test_where_both_answer_alike(site: Site) -> None:
    way = go(site, "other.pegasuspad.com")
    line = 'local-data: "pegasuspad.com. 300 IN A 10.111.1.212"'
    assert find_lines(site, way) == [("*.pegasuspad.com is 10.111.1.212, lab-proxy", line)]
    assert "unbound" not in way.answer.words


def test_a_zone_that_only_names_below_are_meant_of(site: Site) -> None:
    way = go(site, "pegasuspad.com")
    words = "unbound and OPNsense answer with 10.111.1.212, lab-proxy: they cannot tell it from *.pegasuspad.com"
    assert find_lines(site, way) == [(words, 'local-data: "pegasuspad.com. 300 IN A 10.111.1.212"')]
    assert way.answer.end == "nowhere"
    assert f"{PUBLIC}; with unbound or OPNsense: lab-proxy does not serve pegasuspad.com" in way.answer.words


def test_names_below_one_that_is_answered_otherwise_than_its_neighbours(site: Site) -> None:
    way = go(site, "a.git.pegasuspad.com")
    first, (words, line) = find_lines(site, way)
    assert first == ("*.pegasuspad.com is 10.111.1.212, lab-proxy", "")
    assert words.startswith("unbound and OPNsense ask the public DNS")
    assert line == 'local-data: "git.pegasuspad.com. 300 IN A 10.111.1.5"'
    assert way.answer.words.endswith(
        f"; with unbound or OPNsense: the LAN's resolvers have no record of it, so {PUBLIC}"
    )


@pytest.mark.parametrize("name", ["_acme-challenge.pegasuspad.com", "x._acme-challenge.lab.pegasuspad.com"])
def test_proofs_for_certificates_are_the_public_dns(site: Site, name: str) -> None:
    way = go(site, name)
    (hop,) = way.hops
    assert (hop.does, hop.rules) == ("leaves proofs for certificates to the public DNS", ())
    assert (way.answer.end, PUBLIC in way.answer.words, "unbound" in way.answer.words) == ("nowhere", True, False)


@pytest.mark.parametrize(
    ("said", "came", "chosen"),
    [
        ([HERE, HERE], HERE, HERE),
        ([HERE, HERE], THERE, HERE),
        ([HERE, THERE], THERE, THERE),
        ([HERE, THERE], (), HERE),
        ([(), HERE], HERE, HERE),
        ([(), HERE], THERE, ()),
        ([HERE, ()], (), ()),
        ([(), ()], THERE, ()),
    ],
)
def test_what_may_be_answered(said: list[tuple[Ip, ...]], came: tuple[Ip, ...], chosen: tuple[Ip, ...]) -> None:
    assert choose_said(said, Resolved(came)) == chosen
