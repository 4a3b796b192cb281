"""`homeprod route`: what a person reads of a way, what a machine reads, and what a wrong target is answered."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.reference_schema import open_validator

from homeprod.cli.main import main
from homeprod.cli.schema.route import TrialReport, WayReport

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"
PROGRAM = f"homeprod --site {PEGASUS}"
PLAYBOOKS = PEGASUS.with_name("pegasus-playbooks")
TARGETS = (
    "demo.lab.pegasuspad.com",
    "http://demo.lab.pegasuspad.com/x?y",
    "http://demo.lab.pegasuspad.com/.well-known/acme-challenge/x",
    "http://demo.lab.pegasuspad.com:443/",
    "https://demo.lab.pegasuspad.com:80/",
    "DEMO.lab.pegasuspad.com.",
    "a.b.lab.pegasuspad.com",
    "lab.pegasuspad.com",
    "http://lab.pegasuspad.com",
    "sean.coder.pegasuspad.com",
    "a.sean.coder.pegasuspad.com",
    "collabora.home.pegasuspad.com",
    "unknown.example",
    "a..b",
    "http://a..b",
    "a" * 300,
    "10.111.1.4",
    "10.111.1.5",
    "10.111.1.99",
    "198.51.100.1",
    "[2001:db8::1]",
)


def explain(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["--site", str(PEGASUS), "route", "explain", *words]) == 0
    return capsys.readouterr().out


def read_way(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    way: dict[str, object] = json.loads(explain(capsys, *words, "--json"))["way"]
    return way


def find_line(words: str) -> int:
    """Of the module, counted from 1."""
    lines = (PEGASUS / "modules" / "_entry.py").read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if words in line)


def find_rendered(name: str, words: str, nth: int = 0) -> str:
    """Where it stands in the example's playbook repository."""
    text = (PLAYBOOKS / "site" / "entry" / name).read_text(encoding="utf-8")
    found = [number for number, line in enumerate(text.splitlines(), start=1) if words in line]
    return f"site/entry/{name}:{found[nth]}"


def test_a_way_from_outside_in_one_look(capsys: pytest.CaptureFixture[str]) -> None:
    table, route, certificate, service, upstream = (
        find_line(words)
        for words in ('passthrough="', 'Route("', '"*.lab.pegasuspad.com",)', 'names=("demo', "lab-coder:8080")
    )
    assert explain(capsys, "demo.lab.pegasuspad.com") == (
        "https://demo.lab.pegasuspad.com/ from the outside\n\n"
        "  opnsense                10.111.1.1:443     passes the port on: IPv4 by NAT\n"
        f"      port 443 → prod-proxy-passthrough  modules/_entry.py:{table}\n"
        f"        in {find_rendered('opnsense.txt', '(443) to')}\n"
        "  prod-proxy-passthrough  10.111.1.4:443     passes TLS on untouched, by the name in its hello\n"
        "      route *.lab.pegasuspad.com → lab-proxy: the longest wildcard with it"
        f"  modules/_entry.py:{route}\n"
        f"        in {find_rendered('prod-proxy-passthrough/nginx.conf', '*.lab.pegasuspad.com lab-proxy;')}\n"
        "  lab-proxy               10.111.1.212:8443  TLS ends here; the passthrough says who the client is"
        " (PROXY protocol)\n"
        f"      certificate *.lab.pegasuspad.com (dns-01)  modules/_entry.py:{certificate}\n"
        f"        in {find_rendered('lab-proxy/nginx.conf', '/_.lab.pegasuspad.com/chain.pem', nth=2)}\n"
        f"      service demo: its exact name  modules/_entry.py:{service}\n"
        f"        in {find_rendered('lab-proxy/nginx.conf', 'server_name demo')}\n"
        "  lab-coder               10.111.1.21:8080   HTTP\n"
        f"      http://lab-coder:8080  modules/_entry.py:{upstream}\n"
        f"        in {find_rendered('lab-proxy/nginx.conf', '10.111.1.21:8080')}\n\n"
        "reaches demo\n"
    )


def test_the_lan_goes_straight_to_the_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    way = read_way(capsys, "cloud.pegasuspad.com", "--from", "lan")
    hops = [(hop["kind"], hop["name"], hop["address"], hop["port"]) for hop in way["hops"]]  # type: ignore[attr-defined]
    assert hops == [
        ("dns", "split DNS", "10.111.1.2", None),
        ("proxy", "prod-proxy", "10.111.1.5", 443),
        ("service", "nextcloud-green", "10.111.1.207", 80),
    ]


@pytest.mark.parametrize(
    ("words", "end", "status", "service", "is_trusted"),
    [
        (("demo.lab.pegasuspad.com",), "service", None, "demo", True),
        (("DEMO.lab.pegasuspad.com.",), "service", None, "demo", True),
        (("http://demo.lab.pegasuspad.com/x",), "redirect", 308, "demo", None),
        (("http://demo.lab.pegasuspad.com/.well-known/acme-challenge/x",), "refused", 404, "demo", None),
        (("https://demo.lab.pegasuspad.com/.well-known/acme-challenge/x",), "service", None, "demo", True),
        (("http://unknown.example/.well-known/acme-challenge/x",), "refused", 421, None, None),
        (("http://demo.lab.pegasuspad.com:443/",), "refused", 400, None, None),
        (("https://demo.lab.pegasuspad.com:80/",), "refused", 400, None, None),
        (("a.b.lab.pegasuspad.com",), "refused", 421, None, False),
        (("unknown.lab.pegasuspad.com",), "refused", 421, None, True),
        (("unknown.example",), "refused", 421, None, False),
        (("a.sean.coder.pegasuspad.com",), "service", None, "coder", False),
        (("collabora.home.pegasuspad.com",), "refused", 421, None, False),
        (("collabora.home.pegasuspad.com", "--from", "lan"), "service", None, "collabora", True),
        (("unknown.example", "--from", "lan"), "nowhere", None, None, None),
        (("lab.pegasuspad.com", "--from", "lan"), "nowhere", None, None, None),
        (("_acme-challenge.lab.pegasuspad.com", "--from", "lan"), "nowhere", None, None, None),
        (("unknown.lab.pegasuspad.com", "--from", "lan"), "refused", 421, None, True),
        (("https://a..b",), "refused", 400, None, False),
        (("http://a..b",), "refused", 400, None, None),
        (("a" * 300,), "refused", None, None, None),
        (("198.51.100.1",), "refused", 421, None, False),
        (("10.111.1.4",), "nowhere", None, None, None),
        (("10.111.1.4", "--from", "lan"), "refused", 421, None, False),
        (("10.111.1.5", "--from", "lan"), "refused", 421, None, False),
        (("10.111.1.99", "--from", "lan"), "nowhere", None, None, None),
        (("203.0.113.5", "--from", "lan"), "nowhere", None, None, None),
        (("[2001:db8::1]",), "nowhere", None, None, None),
        (("127.0.0.1",), "nowhere", None, None, None),
        (("[::1]", "--from", "lan"), "nowhere", None, None, None),
        (("localhost",), "nowhere", None, None, None),
        (("a.Localhost.", "--from", "lan"), "nowhere", None, None, None),
    ],
)
def test_where_ways_end(
    words: tuple[str, ...],
    end: str,
    status: int | None,
    service: str | None,
    is_trusted: bool | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = read_way(capsys, *words)["answer"]
    assert isinstance(answer, dict)
    assert [answer[key] for key in ("end", "status", "service", "is_trusted")] == [end, status, service, is_trusted]


@pytest.mark.parametrize("origin", ["lan", "wan"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_way_fits_the_schema_and_has_words(
    target: str, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = explain(capsys, target, "--from", origin, "--json")
    open_validator("route").validate(json.loads(text))
    way = WayReport.model_validate_json(text).way
    said = explain(capsys, target, "--from", origin)
    assert way.answer.words in said
    rules = [rule for hop in way.hops for rule in hop.rules]
    assert all(rule.rule in said and f"{rule.file}:{rule.line}" in said for rule in rules)
    assert all(f"in {place.file}:{place.line}\n" in said for rule in rules for place in rule.rendered)


@pytest.mark.parametrize("origin", ["lan", "wan"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_rule_stands_in_the_rendered_line_that_is_named(
    target: str, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the example's playbook repository, as it is committed."""
    way = WayReport.model_validate_json(explain(capsys, target, "--from", origin, "--json")).way
    for hop in way.hops:
        for rule in hop.rules:
            places = [(PLAYBOOKS / place.file).read_text(encoding="utf-8").splitlines() for place in rule.rendered]
            lines = [text[place.line - 1] for text, place in zip(places, rule.rendered, strict=True)]
            kinds = 2 if hop.kind == "dns" and not rule.rule.startswith("unbound ") else 1
            assert len(lines) == kinds, rule
            assert all(tell_name(rule.rule, hop.port) in line for line in lines), (rule, lines)
            if rule.rule.startswith(("service ", "no service", "certificate ")):
                block = "\n".join(places[0][: rule.rendered[0].line]).rpartition("    server {\n")[2]
                assert ("ssl" in block) == way.url.partition("/")[0].startswith("https"), (rule, block)


def tell_name(words: str, port: int | None) -> str:
    """What the line of a rule must hold, by what the rule says."""
    kind, _, rest = words.partition(" ")
    if kind == "port":
        return f"({rest.partition(' ')[0]})"
    if kind == "route":
        return " ".join(rest.partition(":")[0].split(" → ")) + ";"
    if kind == "default":
        return f"default {words.partition(':')[0].rpartition(' ')[2]};"
    if kind == "certificate":
        return f"/{rest.split(' (')[0].split(', ')[0].replace('*', '_')}/chain.pem;"
    if kind == "service":
        return SERVED[rest.partition(":")[0]]
    if kind == "unbound":
        return rest.rpartition("*.")[2]
    if kind.startswith("/"):
        return f"location ^~ {kind} {{"
    if kind == "no":
        return "no service here has this name"
    return f":{port};" if "://" in kind else kind.removeprefix("*.")


SERVED = {"demo": "demo.lab.pegasuspad.com;", "coder": "coder.pegasuspad.com;", "collabora": "collabora.home."}


def test_the_rules_of_a_linux_gateway_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    module = root / "modules" / "_entry.py"
    text = module.read_text(encoding="utf-8").replace("GiB, Proxy", "Gateway, GiB, Proxy")
    module.write_text(
        text.replace("    default=", '    gateway=Gateway(wan="ens19"),\n    default='), encoding="utf-8"
    )
    assert main(["--site", str(root), "render", "--to", str(tmp_path)]) == 0
    capsys.readouterr()
    for port, target in ((443, "unknown.example"), (80, "http://unknown.example")):
        assert main(["--site", str(root), "route", "explain", target, "--json"]) == 0
        (rule,) = WayReport.model_validate_json(capsys.readouterr().out).way.hops[0].rules
        (place,) = rule.rendered
        line = (tmp_path / place.file).read_text(encoding="utf-8").splitlines()[place.line - 1]
        assert f"tcp dport {port} dnat ip to 10.111.1.4" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("google.com",), "passes the port on, if the public DNS leads the name here: IPv4 by NAT\n"),
        (("cloud.pegasuspad.com",), "passes the port on: IPv4 by NAT\n"),
        (("198.51.100.1",), "passes the port on, if the address is its own: IPv4 by NAT\n"),
        (("[2001:db8::1]",), "the way in has no IPv6, so nothing leads in by 2001:db8::1"),
        (("127.0.0.1",), "127.0.0.1 is whoever asks for it"),
        (("203.0.113.5", "--from", "lan"), "203.0.113.5 lies outside of the LAN: were it the router's own,"),
        (("10.111.1.99", "--from", "lan"), "10.111.1.99 is no machine's of the way in"),
        (
            ("pegasuspad.com",),
            "not service gitea (git.pegasuspad.com): it stands for git.pegasuspad.com alone, which is",
        ),
    ],
)
def test_what_the_site_cannot_know_is_said(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in explain(capsys, *words)


def test_ipv6_is_told_where_the_site_has_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    config = root / "modules" / "_config.py"
    text = config.read_text(encoding="utf-8")
    assert "resolvers=" in text
    config.write_text(text.replace("resolvers=", 'subnet6="2001:db8:1::/64", resolvers=', 1), encoding="utf-8")
    for target, said in (
        ("cloud.pegasuspad.com", "passes the port on: IPv4 by NAT, IPv6 as it is\n"),
        ("[2001:db8:1::4]", "lets the port through: IPv6 as it is\n"),
        ("[2001:db8:1::5]", "2001:db8:1::5 is inside of the LAN"),
        ("[2001:db8:2::4]", "so it goes to 2001:db8:1::4 itself, prod-proxy-passthrough"),
    ):
        assert main(["--site", str(root), "route", "explain", target]) == 0
        assert said in capsys.readouterr().out


def test_a_site_that_names_no_resolvers_is_told_what_split_dns_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    config = root / "modules" / "_config.py"
    text, count = re.subn(r"resolvers=\([^)]*\),?", "", config.read_text(encoding="utf-8"), count=1)
    assert count == 1
    config.write_text(text, encoding="utf-8")
    assert main(["--site", str(root), "route", "explain", "cloud.pegasuspad.com", "--from", "lan"]) == 0
    words = "answers with the proxy's own address; the site names no resolvers=, so see that the LAN asks one"
    assert words in capsys.readouterr().out


def test_why_not_another_rule(capsys: pytest.CaptureFixture[str]) -> None:
    said = explain(capsys, "lab.pegasuspad.com")
    words = "it stands for names below lab.pegasuspad.com, and not for lab.pegasuspad.com itself"
    assert f"        not route *.lab.pegasuspad.com → lab-proxy: {words}" in said
    assert "is for the LAN alone" in explain(capsys, "collabora.home.pegasuspad.com")
    assert "not good for a.b.lab.pegasuspad.com: its star stands for one label" in explain(
        capsys, "a.b.lab.pegasuspad.com"
    )
    assert "but the client does not accept the certificate" in explain(capsys, "a.sean.coder.pegasuspad.com")


def test_the_expectations_of_pegasus_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), "route", "test"]) == 0
    assert capsys.readouterr().out.endswith("\n11 expectations, none otherwise\n")
    assert main(["--site", str(PEGASUS), "route", "test", "--json"]) == 0
    text = capsys.readouterr().out
    open_validator("route").validate(json.loads(text))
    assert {trial.problem for trial in TrialReport.model_validate_json(text).trials} == {""}


def test_what_is_otherwise_than_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(shutil.copytree(PEGASUS, tmp_path / "pegasus"))
    module = root / "modules" / "_entry.py"
    head, _, _ = module.read_text(encoding="utf-8").partition("    expectations=(")
    wrong = (
        'Expectation("demo.lab.pegasuspad.com", reaches="gitea")',
        'Expectation("demo.lab.pegasuspad.com")',
        'Expectation("unknown.example", status=404)',
        'Expectation("a.sean.coder.pegasuspad.com", reaches="coder")',
        'Expectation("unknown.example", from_="lan", status=421)',
        'Expectation("collabora.home.pegasuspad.com/a?b", reaches="collabora")',
    )
    right = 'Expectation("demo.lab.pegasuspad.com", reaches="demo", status=200)'
    lines = "".join(f"        {one},\n" for one in (*wrong, right))
    module.write_text(f"{head}    expectations=(\n{lines}    ),\n)\n", encoding="utf-8")
    assert main(["--site", str(root), "route", "test"]) == 1
    said = capsys.readouterr().out
    first = head.count("\n") + 2
    for number, words in enumerate(
        [
            "should reach gitea: reaches demo",
            "should reach no service: reaches demo",
            "should be answered with 404: prod-proxy does not serve unknown.example: answered with 421",
            "reaches coder, and its certificate is not good for a.sean.coder.pegasuspad.com",
            "should be answered with 421: the LAN's resolvers have no record of it",
            "should reach collabora: prod-proxy serves collabora.home.pegasuspad.com to the LAN alone: answered",
        ]
    ):
        assert words in said
        assert f"modules/_entry.py:{first + number}\n" in said
    assert "reaches demo; not seen from here: whether demo answers with 200" in said
    assert f"\n        homeprod --site {root} route explain https://unknown.example/ --from lan\n" in said
    assert f"\n        homeprod --site {root} route explain 'https://collabora.home.pegasuspad.com/a?b'\n" in said
    assert said.count(f"homeprod --site {root} route explain ") == len(wrong)
    assert said.endswith("\n7 expectations, 6 otherwise\n")


def test_the_schema_is_printed_behind_a_verb_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "--json-schema"]) == 0
    schema = capsys.readouterr().out
    for words in (["explain"], ["test"], ["explain", "a"]):
        assert main(["route", *words, "--json-schema"]) == 0
        assert capsys.readouterr().out == schema
    assert main(["route", "explain"]) == 64, "but for that a name is needed"


def test_a_site_without_a_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "home")])
    capsys.readouterr()
    assert main(["--site", str(tmp_path / "home"), "route", "test"]) == 1
    assert "error: home: the site declares no way in\n  write modules/_entry.py" in capsys.readouterr().err


def test_a_lab_that_is_not_there_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for words in (("explain", "demo.lab.pegasuspad.com", "--probe"), ("test", "--live")):
        assert main(["--site", str(PEGASUS), "--lab", "nowhere", "route", *words]) in (1, 64)
        assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["route"], "which of explain and test?"),
        (["route", "explain"], "URL|HOST"),
        (["route", "explain", "a b"], "'a b' is neither a host name nor an http or https URL"),
        (["route", "explain", "a\0b"], "is no host name"),
        (["route", "explain", "https://a:8443"], "nothing comes in on port 8443"),
        (["route", "explain", "https://a:8443/x?y"], f"{PROGRAM} route explain 'https://a/x?y'"),
        (["route", "explain", "http://apps:8080", "--from", "lan"], f"\n    {PROGRAM} route explain http://apps\n"),
        (["route", "explain", "https://user@a/x"], "who logs in (what stands before the @) is no part of the way"),
        (["route", "explain", "https://user:secret@a/x"], f"\n    {PROGRAM} route explain https://a/x\n"),
        (["route", "explain", "2001:db8::1"], f"{PROGRAM} route explain '[2001:db8::1]'"),
        (["route", "explain", "a", "--from", "mars"], "invalid choice: 'mars'"),
        (["route", "test", "a"], "unrecognized arguments: a\n  see:\n\n    homeprod route test --help"),
        (["route", "explain", "a", "b"], "unrecognized arguments: b\n  see:\n\n    homeprod route explain --help"),
        (["route", "explain", "a", "--probe", "--at", "router"], "'router' is no IP address"),
        (["route", "explain", "a", "--at", "203.0.113.1"], "--at is of use with --probe alone"),
        (["route", "test", "--at", "203.0.113.1"], "--at is of use with --live alone"),
        (["route", "explain", "a", "--probe", "--from", "lan", "--at", "203.0.113.1"], "--from lan never gets there"),
        (["route", "explain", "a", "--probe", "--at", "10.111.1.1"], "--at 10.111.1.1 is inside of the LAN"),
        (["route", "test", "--live", "--at", "10.111.1.4"], "--at 10.111.1.4 is inside of the LAN"),
    ],
)
def test_wrong_usage(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", str(PEGASUS), *words]) == 64
    assert said in capsys.readouterr().err
