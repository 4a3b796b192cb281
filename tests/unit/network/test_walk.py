"""Where a way can be entered, whose certificate was shown, and what of it is not as the table says."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network, ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from tests.home import PEGASUS
from tests.made_certificates import make_chain, make_key

from homeprod.network.certificates.chain import Chain
from homeprod.network.explain import explain
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.compare import compare, compare_addresses
from homeprod.network.walk.door import Door, list_doors
from homeprod.network.walk.owner import find_owner, is_foreign_to
from homeprod.network.walk.seen import Resolved, Seen
from homeprod.network.walk.sight import Sight, Stop, Verdict, Walk
from homeprod.network.way import Answer, HopKind
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Entry, Origin
from homeprod.site.entry.target import read_target
from homeprod.site.loader import load_site
from homeprod.site.site import Site

SITE = load_site(PEGASUS)
DEMO = "demo.lab.pegasuspad.com"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "nas.home.arpa"


def require_entry(site: Site) -> Entry:
    assert site.entry is not None
    return site.entry


def give_ipv6(subnet: str) -> Site:
    network = SITE.config.addresses.network.model_copy(update={"subnet6": IPv6Network(subnet)})
    plan = SITE.config.addresses.model_copy(update={"network": network})
    return dataclasses.replace(SITE, config=SITE.config.model_copy(update={"addresses": plan}))


def list_entries(site: Site, target: str, from_: Origin = "wan", *outer: str) -> list[tuple[str, str, str]]:
    way = explain(site, require_entry(site), read_target(target), from_)
    known: tuple[Ip, ...] = tuple(map(ip_address, outer))
    return [(door.kind, str(door.address), door.from_) for door in list_doors(site, require_entry(site), way, known)]


def test_ipv6_is_asked_beside_ipv4_and_passes_the_router_untranslated() -> None:
    assert list_entries(give_ipv6("2001:db8:1::/64"), DEMO, "wan", "203.0.113.1") == [
        ("router", "203.0.113.1", "wan"),
        ("router", "2001:db8:1::4", "wan"),
        ("passthrough", "10.111.1.4", "lan"),
        ("passthrough", "2001:db8:1::4", "lan"),
        ("proxy", "10.111.1.212", "lan"),
        ("proxy", "2001:db8:1::d4", "lan"),
    ]


def test_nobody_outside_has_a_way_to_addresses_of_the_site_alone() -> None:
    entries = list_entries(give_ipv6("fd00:1::/64"), DEMO, "wan", "203.0.113.1")
    assert [address for _, address, side in entries if side == "wan"] == ["203.0.113.1"]


def test_an_address_that_was_asked_for_is_the_door() -> None:
    assert list_entries(SITE, "198.51.100.9")[0] == ("router", "198.51.100.9", "wan")
    assert list_entries(SITE, "10.111.1.5", "lan") == [("proxy", "10.111.1.5", "lan")]
    assert list_entries(SITE, "10.111.1.4", "lan") == [
        ("passthrough", "10.111.1.4", "lan"),
        ("proxy", "10.111.1.5", "lan"),
    ]
    assert list_entries(SITE, "10.111.1.99", "lan") == list_entries(SITE, "unknown.example", "lan") == []


def test_a_door_that_answers_the_lan_otherwise_is_not_asked() -> None:
    way = explain(SITE, require_entry(SITE), read_target("collabora.home.pegasuspad.com"), "wan")
    whys = {
        door.kind: door.why_not for door in list_doors(SITE, require_entry(SITE), way, (ip_address("203.0.113.1"),))
    }
    assert whys["router"] == whys["passthrough"] == ""
    assert "its door for the LAN answers otherwise" in whys["proxy"]


def encode(chain: Chain) -> bytes:
    return chain.leaf.public_bytes(Encoding.DER)


def make(*names: str) -> bytes:
    return encode(make_chain(make_key(), *names, at=NOW))


def test_whose_certificate_it_is() -> None:
    entry, shown, other = require_entry(SITE), make(NAME), make(NAME)
    witnesses = {"lab-proxy": frozenset({shown}), "prod-proxy": frozenset({other})}
    assert (find_owner(entry, shown, witnesses), find_owner(entry, other, witnesses)) == ("lab-proxy", "prod-proxy")
    assert find_owner(entry, make(NAME), witnesses) == "", "nobody's"
    both = {"lab-proxy": frozenset({shown}), "prod-proxy": frozenset({shown})}
    assert find_owner(entry, shown, both) == "", "either's"
    assert find_owner(entry, b"no certificate", {}) == ""


@pytest.mark.parametrize(
    ("names", "day", "verdict", "seen"),
    [
        ((NAME,), 1, "as said", "89 days left"),
        ((NAME,), 89, "as said", "1 day left, which is less than a third: it should have been renewed"),
        ((NAME,), 91, "differs", "expired on 2026-08-30"),
        ((NAME,), -30, "differs", "good only from 2026-06-01 on"),
        (("tv.home.arpa",), 1, "differs", "89 days left"),
        ((NAME, "tv.home.arpa"), 1, "differs", "89 days left"),
    ],
)
def test_a_certificate_is_the_declared_one_and_of_its_time(
    names: tuple[str, ...], day: int, verdict: Verdict, seen: str
) -> None:
    sight = look(make(*names), NOW + day * DAY)
    assert (sight.verdict, sight.said) == (verdict, f"{NAME} (site-ca)")
    assert sight.seen.startswith(f"{', '.join(sorted(names))}, by CN=homeprod pegasus lab issuer, ")
    assert sight.seen.endswith(seen)
    assert bool(sight.advice) == (verdict == "differs")


def test_a_placeholder_is_told_as_one() -> None:
    key, name = make_key(), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    sight = look(builder.sign(key, SHA256()).public_bytes(Encoding.DER), NOW)
    assert (sight.verdict, sight.seen) == ("differs", f"{NAME}: a placeholder, signed by itself")
    assert sight.advice.endswith("\n  homeprod runs --host p")


def test_what_is_no_certificate() -> None:
    sight = look(b"rubbish", NOW)
    assert (sight.verdict, sight.seen) == ("differs", "no certificate that can be read")


def look(der: bytes, now: datetime) -> Sight:
    certificate = Certificate(names=(NAME,), by="site-ca")
    door = Door("proxy", "p", None, 443, "lan", Answer("service", "reaches nas", certificate=certificate), None)
    sights = compare(door, read_target(NAME), Seen(True, der, 200), "", now)
    return next(sight for sight in sights if sight.question == "certificate")


def make_strange(*names: str) -> bytes:
    """By an authority of somebody else's, for ten years."""
    key, issuer = make_key(), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    builder = x509.CertificateBuilder(issuer, x509.Name([]), key.public_key(), 1, NOW - 3000 * DAY, NOW + 650 * DAY)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("names", "is_foreign"),
    [
        ((), True),
        (("other.example",), True),
        (("router.home.arpa", "home.arpa"), True),
        (("com",), True),
        (("xlab.pegasuspad.com.other.example",), True),
        (("demo.lab.pegasuspad.com",), False),
        (("gone.lab.pegasuspad.com", "other.example"), False),
        (("*.lab.pegasuspad.com",), False),
        (("*.home.pegasuspad.com",), False),
    ],
)
def test_whose_names_it_has(names: tuple[str, ...], is_foreign: bool) -> None:
    assert is_foreign_to(require_entry(SITE), make_strange(*names)) == is_foreign


@pytest.mark.parametrize(
    ("kind", "advice"), [("router", "outer address"), ("passthrough", "look at p"), ("proxy", "look at p")]
)
def test_somebody_else_is_told_as_that(kind: HopKind, advice: str) -> None:
    """Neither the age of its certificate nor its answer is held against the table."""
    answer = Answer("service", "reaches nas", certificate=Certificate(names=(NAME,), by="site-ca"))
    door = Door(kind, "p", ip_address("192.0.2.9"), 443, "lan", answer, require_entry(SITE).proxies[0])
    seen = Seen(True, make_strange("other.example"), 200)
    sights = {
        one.question: one for one in compare(door, read_target(NAME), seen, "", NOW + 80 * DAY, is_foreign=True)
    }
    assert sights["proxy"].verdict == sights["certificate"].verdict == "differs"
    assert sights["proxy"].seen.startswith("somebody else answers at this address")
    assert advice in sights["proxy"].advice
    assert sights["certificate"].seen == "other.example, by CN=somebody"
    assert (sights["answer"].verdict, sights["answer"].seen) == ("shown", "status 200, of somebody else")


@pytest.mark.parametrize(
    ("location", "verdict"),
    [("https://a.example/x?y", "as said"), ("https://b.example/x?y", "differs"), ("", "differs")],
)
def test_a_redirect_leads_where_the_table_says(location: str, verdict: Verdict) -> None:
    door = Door("proxy", "p", None, 80, "lan", Answer("redirect", "sent on", 308), None)
    seen = Seen(is_reached=True, status=308, location=location)
    *_, sight = compare(door, read_target("http://a.example/x?y"), seen, "", NOW)
    assert sight.verdict == verdict
    assert location in sight.seen


@pytest.mark.parametrize(
    ("status", "verdict"), [(404, "as said"), (200, "as said"), (308, "differs"), (502, "differs")]
)
def test_a_proof_may_lie_there_or_not(status: int, verdict: Verdict) -> None:
    target = read_target("http://demo.lab.pegasuspad.com/.well-known/acme-challenge/x")
    way = explain(SITE, require_entry(SITE), target, "lan")
    door = Door("proxy", "p", None, 80, "lan", way.answer, None)
    *_, sight = compare(door, target, Seen(is_reached=True, status=status), "", NOW)
    assert sight.verdict == verdict


@pytest.mark.parametrize(
    ("said", "resolved", "verdict"),
    [
        (("192.0.2.1",), Resolved((ip_address("192.0.2.1"),)), "as said"),
        (("192.0.2.1", "2001:db8::1"), Resolved((ip_address("2001:db8::1"), ip_address("192.0.2.1"))), "as said"),
        (("192.0.2.1", "2001:db8::1"), Resolved((ip_address("192.0.2.1"),)), "differs"),
        (("192.0.2.1",), Resolved((ip_address("192.0.2.1"), ip_address("192.0.2.2"))), "differs"),
        (("192.0.2.1",), Resolved(), "differs"),
        (("192.0.2.1",), Resolved(trouble="silence"), "differs"),
        (("192.0.2.1",), Resolved(trouble="a lab", is_ours=True), "not asked"),
        ((), Resolved((ip_address("192.0.2.9"),)), "shown"),
        ((), Resolved(trouble="silence"), "shown"),
    ],
)
def test_what_resolvers_answer(said: tuple[str, ...], resolved: Resolved, verdict: Verdict) -> None:
    assert compare_addresses(tuple(map(ip_address, said)), resolved, "192.0.2.53").verdict == verdict


def test_the_last_stop_that_differs_is_looked_at_first() -> None:
    way = explain(SITE, require_entry(SITE), read_target(DEMO), "wan")
    good, bad, worse = (Sight("answer", verdict, "", "") for verdict in ("as said", "differs", "differs"))
    stops = [Stop(kind, kind, None, None, sights) for kind, sights in
             (("router", (bad,)), ("passthrough", (good, worse)), ("proxy", (good,)))]  # fmt: skip
    found = Walk(way, tuple(stops)).find_first()
    assert found == (stops[1], worse)
    assert Walk(way, ()).verdict == "shown"
