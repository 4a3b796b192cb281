"""A way walked for real: the site's own, on hosts of the test's own, as it should be and with one fault at a time."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from tests.home import PEGASUS
from tests.reference_schema import open_validator
from tests.walked_site import LAB, OUTER, PROD, SITE, WAY, WalkedSite, open_walked_site

from homeprod.cli import walking
from homeprod.cli.main import main
from homeprod.cli.promotion.checks import SiteChecks
from homeprod.cli.schema.route import TrialReport, WayReport
from homeprod.engine.walk import walk
from homeprod.network.explain import explain
from homeprod.network.walk.seen import Resolved
from homeprod.network.walk.sight import Question, Sight, Walk
from homeprod.network.walk.trial import find_live_problem
from homeprod.site.entry.entry import Expectation, Origin
from homeprod.site.entry.target import read_target
from homeprod.wiring.asker import NetworkAsker

pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="hosts are network namespaces: run as root"),
]
DEMO = "demo.lab.pegasuspad.com"
ZONE = "*.lab.pegasuspad.com"
EXPECTATIONS = SITE.entry.expectations if SITE.entry is not None else ()
EVERYWHERE = ("opnsense", WAY, LAB)
Fault = Callable[[WalkedSite], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalkedSite]:
    with open_walked_site(tmp_path_factory.mktemp("walked")) as site:
        yield site


def go(site: WalkedSite, target: str, from_: Origin = "wan", asker: NetworkAsker | None = None) -> Walk:
    way = explain(SITE, site.entry, read_target(target), from_)
    return walk(SITE, site.entry, way, asker or site.make_asker(), datetime.now(UTC))


def list_differences(found: Walk) -> dict[str, tuple[Question, str]]:
    """By where the way was entered: what differs there first, and what was seen."""
    differing = [(stop.name, sight) for stop in reversed(found.stops) for sight in reversed(stop.sights)]
    return {name: (sight.question, sight.seen) for name, sight in differing if sight.verdict == "differs"}


def find_sight(found: Walk, kind: str, question: Question) -> Sight:
    return next(
        sight for stop in found.stops if stop.kind == kind for sight in stop.sights if sight.question == question
    )


@pytest.mark.parametrize("one", EXPECTATIONS, ids=lambda one: f"{one.url} from {one.from_}")
def test_each_expectation_of_the_example_is_so(walked: WalkedSite, one: Expectation) -> None:
    found = go(walked, str(one.url), one.from_)
    assert (found.verdict, list_differences(found), find_live_problem(one, found)) == ("as said", {}, "")
    statuses = {stop.status for stop in found.stops} - {None}
    assert statuses == {200 if one.reaches else one.status}


def test_a_status_of_the_service_is_told_for_real(walked: WalkedSite) -> None:
    one = Expectation(f"https://{DEMO}/", reaches="demo", status=204)
    words = "should be answered with 204: through opnsense came 200"
    assert find_live_problem(one, go(walked, DEMO)) == words


@pytest.mark.parametrize(
    ("target", "from_", "status"),
    [
        (DEMO, "wan", 200),
        (DEMO, "lan", 200),
        (f"http://{DEMO}/a?b", "wan", 308),
        (f"http://{DEMO}/a?b", "lan", 308),
        (f"http://{DEMO}:443/", "wan", 400),
        (f"https://{DEMO}:80/", "wan", 400),
        ("http://a..b", "wan", 400),
        ("https://a..b", "wan", 400),
        ("a_b.lab.pegasuspad.com", "wan", 421),
        (OUTER, "wan", 421),
        ("10.111.1.4", "lan", 421),
        ("10.111.1.5", "lan", 421),
        ("DEMO.lab.pegasuspad.com.", "wan", 200),
    ],
)
def test_what_the_table_says_of_odd_names_is_so(walked: WalkedSite, target: str, from_: Origin, status: int) -> None:
    found = go(walked, target, from_)
    assert (found.verdict, list_differences(found)) == ("as said", {})
    assert {stop.status for stop in found.stops if stop.kind != "dns"} == {status}


def test_a_name_that_no_client_sends_is_not_asked_for(walked: WalkedSite) -> None:
    found = go(walked, "a" * 300)
    assert found.verdict == "not asked"
    assert "no client sends this name in TLS" in find_sight(found, "passthrough", "connection").seen


def test_every_hop_is_told(walked: WalkedSite) -> None:
    found = go(walked, DEMO)
    assert [(stop.kind, stop.name, stop.address, stop.status) for stop in found.stops] == [
        ("dns", "public DNS", None, None),
        ("router", "opnsense", OUTER, 200),
        ("passthrough", WAY, "10.111.1.4", 200),
        ("proxy", LAB, "10.111.1.212", 200),
    ]
    assert find_sight(found, "dns", "dns") == Sight("dns", "shown", "", OUTER)
    assert find_sight(found, "router", "proxy").seen == LAB
    certificate = find_sight(found, "proxy", "certificate")
    assert certificate.seen.startswith(f"{ZONE}, by ")
    assert certificate.seen.endswith(", 88 days left")
    assert [stop.address for stop in go(walked, DEMO, "lan").stops] == ["10.111.1.2", "10.111.1.3", "10.111.1.212"]


def test_a_name_that_is_not_the_tables_is_only_shown(walked: WalkedSite) -> None:
    found = go(walked, "unknown.example", "lan")
    assert (found.verdict, {sight.seen for stop in found.stops for sight in stop.sights}) == ("shown", {"no address"})


def _certify(names: tuple[str, ...], first: int, last: int) -> Fault:
    """From that day on to the other, counted from now; by another authority."""

    def act(site: WalkedSite) -> AbstractContextManager[None]:
        now = datetime.now(UTC)
        made = trustme.CA().issue_cert(
            *names, not_before=now + timedelta(days=first), not_after=now + timedelta(days=last)
        )
        return site.certify(LAB, "_.lab.pegasuspad.com", made)

    return act


@pytest.mark.parametrize(
    ("fault", "differences", "first", "advice"),
    [
        (
            lambda site: site.route(PROD),
            {
                "opnsense": ("proxy", PROD),
                WAY: ("proxy", PROD),
            },
            WAY,
            "look at the route on the passthrough: it leads to prod-proxy",
        ),
        (
            lambda site: site.serve_less(LAB),
            dict.fromkeys(EVERYWHERE, ("answer", "status 421: the name is not served there")),
            LAB,
            "look at lab-proxy",
        ),
        (
            _certify((ZONE,), -90, -2),
            dict.fromkeys(EVERYWHERE, ("certificate", f"{ZONE}, by ")),
            LAB,
            "homeprod runs --host lab-proxy",
        ),
        (
            _certify(("gone.lab.pegasuspad.com",), -1, 89),
            dict.fromkeys(EVERYWHERE, ("certificate", "gone.lab.pegasuspad.com, by ")),
            LAB,
            "look at lab-proxy",
        ),
        (
            _certify(("other.example",), -300, 89),
            dict.fromkeys(EVERYWHERE, ("proxy", "somebody else answers at this address")),
            LAB,
            "look at lab-proxy",
        ),
        (
            lambda site: site.stop(LAB),
            {
                "opnsense": ("certificate", "no TLS: "),
                WAY: ("certificate", "no TLS: "),
                LAB: ("connection", "connection refused"),
            },
            LAB,
            "look whether lab-proxy runs, and its nginx",
        ),
        (
            lambda site: site.end_service("demo"),
            dict.fromkeys(EVERYWHERE, ("answer", "status 502: lab-proxy cannot reach demo")),
            LAB,
            "look whether demo runs, and answers at http://lab-coder:8080",
        ),
        (
            lambda site: site.stop(WAY),
            {"opnsense": ("connection", "connection refused"), WAY: ("connection", "connection refused")},
            WAY,
            "look whether prod-proxy-passthrough runs, and its nginx",
        ),
        (
            lambda site: site.silence(WAY),
            {"opnsense": ("connection", "silence for 5 s"), WAY: ("connection", "silence for 5 s")},
            WAY,
            "look whether prod-proxy-passthrough runs, and its nginx",
        ),
        (
            lambda site: site.hold(LAB),
            {
                "opnsense": ("certificate", "no TLS: "),
                WAY: ("certificate", "no TLS: "),
                LAB: ("certificate", "no TLS: silence for 5 s"),
            },
            LAB,
            "look at lab-proxy",
        ),
        (
            lambda site: site.hold(LAB, b"SSH-2.0-OpenSSH\r\n"),
            {
                "opnsense": ("certificate", "no TLS: "),
                WAY: ("certificate", "no TLS: "),
                LAB: ("certificate", "no TLS: wrong version number"),
            },
            LAB,
            "look at lab-proxy",
        ),
    ],
    ids=[
        "wrong route", "old configuration", "expired", "wrong certificate", "somebody else", "proxy down",
        "service down", "passthrough down", "silence", "silent in TLS", "no TLS",
    ],
)  # fmt: skip
def test_each_fault_is_told_where_it_is(
    walked: WalkedSite, fault: Fault, differences: dict[str, tuple[Question, str]], first: str, advice: str
) -> None:
    with fault(walked):
        found = go(walked, DEMO)
    seen = list_differences(found)
    assert {name: (question, words[: len(differences[name][1])]) for name, (question, words) in seen.items()} == (
        differences
    )
    looked = found.find_first()
    assert looked is not None
    assert looked[0].name == first
    assert advice in looked[1].advice
    assert go(walked, DEMO).verdict == "as said", "and well again"


def test_a_service_that_is_silent(walked: WalkedSite) -> None:
    """Its proxy gives up after as many seconds as we do, so either may be the first to say so."""
    with walked.silence("demo"):
        found = go(walked, DEMO)
    sights = [find_sight(found, kind, "answer") for kind in ("router", "passthrough", "proxy")]
    said = {"no answer: silence for 5 s", "status 504: lab-proxy cannot reach demo, or not in time"}
    assert {sight.seen for sight in sights} <= said
    assert {(sight.verdict, sight.advice) for sight in sights} == {
        ("differs", "look whether demo runs, and answers at http://lab-coder:8080")
    }


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (f"address=/{DEMO}/10.111.1.5\n", "10.111.1.5"),
        ("local=/pegasuspad.com/\n", "no address"),
        ("", "connection refused"),
    ],
)
def test_resolvers_that_say_something_else(walked: WalkedSite, text: str, question: str) -> None:
    with walked.answer(text):
        found = go(walked, DEMO, "lan")
    for stop in found.stops[:2]:
        (sight,) = stop.sights
        assert (sight.verdict, sight.said, sight.seen) == ("differs", "10.111.1.212", question)
        assert f"look at the resolver at {stop.address}" in sight.advice
    assert {sight.verdict for stop in found.stops[2:] for sight in stop.sights} == {"as said"}


def test_resolvers_that_are_silent(walked: WalkedSite) -> None:
    with walked.silence("resolver"):
        found = go(walked, DEMO, "lan")
    assert [(stop.address, stop.sights[0].seen) for stop in found.stops[:2]] == [
        ("10.111.1.2", "silence for 5 s"),
        ("10.111.1.3", "silence for 5 s"),
    ]


def test_who_is_outside_goes_by_the_router_alone(walked: WalkedSite) -> None:
    """No address of the LAN is asked: in another network it may be somebody else's."""
    found = go(walked, DEMO, asker=walked.make_asker(is_inside=False))
    assert {stop.kind: stop.sights[0].verdict for stop in found.stops} == {
        "dns": "shown", "router": "as said", "passthrough": "not asked", "proxy": "not asked",
    }  # fmt: skip
    assert find_sight(found, "router", "proxy").seen == LAB, "known by the names in its certificate"
    assert (found.verdict, find_sight(found, "router", "answer").seen) == ("as said", "status 200")


def test_a_router_whose_address_nobody_knows_is_not_asked(walked: WalkedSite) -> None:
    found = go(walked, DEMO, asker=walked.make_asker(outer=()))
    assert (
        find_sight(found, "router", "connection").seen
        == "the site does not know its outer address; name it with --at"
    )
    assert found.verdict == "as said"


def ask(
    site: WalkedSite,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
    asker: NetworkAsker | None = None,
) -> tuple[int, str]:
    """By the command line; its exit code, and what it prints."""
    monkeypatch.setattr(walking, "open_asker", lambda *_: asker or site.make_asker())
    code = main(["--site", str(PEGASUS), "route", *words])
    return code, capsys.readouterr().out


def test_a_person_reads_both_sides(
    walked: WalkedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ask(walked, monkeypatch, capsys, "explain", DEMO, "--probe")
    assert code == 0
    assert said.endswith("\n11 as said, 0 differ, 0 not asked\n")
    assert (
        f"\nlab-proxy at 10.111.1.212:443\nok    connection: somebody answers\nok    certificate: {ZONE}, by " in said
    )
    with walked.route(PROD):
        code, said = ask(walked, monkeypatch, capsys, "explain", DEMO, "--probe")
    assert code == 1
    assert "look at lab-proxy" not in said
    assert "fail  who answers differs\n      said  lab-proxy\n      seen  prod-proxy\n      look at the route" in said
    assert said.endswith(f" differ, 0 not asked; look at {WAY} first\n")


def test_a_machine_reads_both_sides(
    walked: WalkedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with walked.end_service("demo"):
        code, text = ask(walked, monkeypatch, capsys, "explain", DEMO, "--from", "lan", "--probe", "--json")
    assert code == 1
    open_validator("route").validate(json.loads(text))
    found = WayReport.model_validate_json(text).walk
    assert found is not None
    assert (found.verdict, found.stops[-1].status, found.stops[-1].sights[-1].verdict) == ("differs", 502, "differs")


def test_nothing_that_could_be_asked_is_no_success(
    walked: WalkedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = NetworkAsker((), None, None, None, lambda _: Resolved(trouble="no DNS here", is_ours=True))
    code, said = ask(walked, monkeypatch, capsys, "explain", DEMO, "--probe", asker=nowhere)
    assert (code, said.splitlines()[-1]) == (3, "0 as said, 0 differ, 4 not asked")
    code, said = ask(walked, monkeypatch, capsys, "test", "--live", asker=nowhere)
    assert (code, said.count("for real: nothing could be asked: ")) == (3, len(EXPECTATIONS))


def test_expectations_are_held_against_what_is(
    walked: WalkedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ask(walked, monkeypatch, capsys, "test", "--live")
    assert (code, said.splitlines()[-1]) == (0, f"{len(EXPECTATIONS)} expectations, none otherwise")
    assert said.count("ok      for real: as the table says, status ") == len(EXPECTATIONS)
    with walked.end_service("demo"):
        code, said = ask(walked, monkeypatch, capsys, "test", "--live")
        json_code, text = ask(walked, monkeypatch, capsys, "test", "--live", "--json")
    assert (code, json_code, said.splitlines()[-1]) == (1, 1, f"{len(EXPECTATIONS)} expectations, 2 otherwise")
    words = "lab-proxy: status 502: lab-proxy cannot reach demo; the table says: reaches demo"
    assert f"fail    for real: {words}\n      see all of it:\n" in said
    assert f"  homeprod --site {PEGASUS} route explain https://demo.lab.pegasuspad.com/ --from lan --probe\n" in said
    open_validator("route").validate(json.loads(text))
    trials = TrialReport.model_validate_json(text).trials
    assert [trial.live_problem for trial in trials if trial.live_problem] == [words, words]
    assert {trial.problem for trial in trials} == {""}


def check(
    site: WalkedSite, monkeypatch: pytest.MonkeyPatch, *hosts: str, asker: NetworkAsker | None = None
) -> tuple[dict[str, list[str]], list[str]]:
    """As a trial of these hosts does: what it finds by host, and what it could not ask."""
    monkeypatch.setattr(walking, "open_asker", lambda *_: asker or site.make_asker())
    checks = SiteChecks(SITE, lambda _: None, Namespace(lab="", at=None), seconds=0)
    return {host: list(words) for host, words in checks(hosts).items()}, checks.unseen


def test_a_trial_checks_the_ways_that_lead_over_its_hosts(
    walked: WalkedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(walked, monkeypatch, LAB, "lab-coder") == ({}, [])
    with walked.serve_less(LAB):
        found, _ = check(walked, monkeypatch, LAB, PROD)
        assert set(found) == {LAB}, "the others' ways are as they were"
        assert any(words.startswith(f"https://{DEMO}/ from wan: ") for words in found[LAB])
        assert check(walked, monkeypatch, PROD) == ({}, [])
    with walked.route(PROD):  # a change of one host that breaks the route of another is its own
        assert set(check(walked, monkeypatch, WAY)[0]) == {WAY}
    outside = walked.make_asker(is_inside=False)
    found, unseen = check(walked, monkeypatch, LAB, asker=outside)
    assert found == {}
    assert unseen
    assert all(name.endswith(" from lan") for name in unseen)
