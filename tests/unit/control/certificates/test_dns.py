"""Proofs in DNS: by updates of a real name server, and by a program; and a real order that looks at them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.acme_server import run_pebble
from tests.knot_process import KEY, KEY_NAME, ZONE, Knot, run_knot
from tests.made_certificates import make_key, make_request
from tests.ports import find_port

from homeprod.control.certificates.dnsupdate import DnsUpdate
from homeprod.control.certificates.hook import DnsHook
from homeprod.control.certificates.order import order
from homeprod.control.certificates.proof import Proof
from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import check_chain

pytestmark = pytest.mark.slow
PLACE = f"_acme-challenge.{ZONE}"
TWO = [Proof(ZONE, PLACE, "one"), Proof(ZONE, PLACE, "two")]
SECRET = "a provider's token"


@pytest.fixture(scope="module")
def knot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Knot]:
    with run_knot(tmp_path_factory.mktemp("knot")) as server:
        yield server


def _update(knot: Knot) -> DnsUpdate:
    return DnsUpdate("127.0.0.1", ZONE, KEY_NAME, KEY, port=knot.port)


def test_a_zone_and_its_wildcard_in_one_certificate(knot: Knot, tmp_path: Path) -> None:
    """Two values at one place, as a real authority sees them."""
    key = make_key()
    names = [ZONE, f"*.{ZONE}"]
    with run_pebble(tmp_path, knot.port) as pebble:
        issued = order(pebble.account(), make_request(key, *names), _update(knot))
    check_chain(issued.chain, names=names, key=key.public_key(), now=datetime.now(UTC) + timedelta(minutes=1))
    assert issued.leftover == ""
    assert knot.read(PLACE) == []


def test_what_it_did_not_put_there_stays(knot: Knot) -> None:
    update, other = _update(knot), Proof(ZONE, PLACE, "somebody else's")
    update.show([other])
    update.show(TWO)
    assert knot.read(PLACE) == ["one", "somebody else's", "two"]
    update.clear(TWO)
    update.clear(TWO)
    assert knot.read(PLACE) == ["somebody else's"]
    update.clear([other])


def test_all_go_to_an_alias_that_a_delegation_leads_to(knot: Knot) -> None:
    update = dataclasses.replace(_update(knot), alias=f"proofs.{ZONE}")
    outside = Proof("example.org", "_acme-challenge.example.org", "there")
    update.show([outside])
    assert knot.read(f"proofs.{ZONE}") == ["there"]
    update.clear([outside])
    with pytest.raises(CertificateError, match=r"_acme-challenge\.example\.org\. is no name of the zone"):
        _update(knot).show([outside])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "b3RoZXI="}, "does not believe the key homeprod"),
        ({"key_name": "stranger"}, "does not believe the key stranger"),
        ({"key": "no base64"}, "the key homeprod for DNS is none"),
        (
            {"zone": "unloaded.example", "alias": "x.unloaded.example"},
            r"refused the update of unloaded\.example: [A-Z]+$",
        ),
        ({"zone": "other.example", "alias": "x.other.example"}, "the DNS server"),
        ({"key": ""}, "the key homeprod for DNS is none"),
        ({"port": find_port()}, "the DNS server cannot be asked: Connection refused"),
        ({"server": "ns.example"}, "the DNS server is no address"),
    ],
)
def test_each_refusal_is_one_clear_error(knot: Knot, changes: dict[str, object], words: str) -> None:
    update = dataclasses.replace(_update(knot), **changes)  # type: ignore[arg-type]
    with pytest.raises(CertificateError, match=words) as caught:
        update.show(TWO)
    assert caught.value.hint
    assert KEY not in f"{caught.value.message} {caught.value.hint} {update!r}"


def _write_hook(folder: Path, body: str) -> tuple[str, ...]:
    file = folder / "hook.py"
    file.write_text(f"import json, os, sys, time\ntold = json.load(sys.stdin)\n{body}\n")
    return (sys.executable, str(file), str(folder / "told"))


def test_a_hook_is_told_everything_on_its_standard_input(tmp_path: Path) -> None:
    body = "open(sys.argv[1], 'a').write(json.dumps([told, sys.argv[2:], dict(os.environ)]) + '\\n')"
    hook = DnsHook(_write_hook(tmp_path, body), SECRET)
    hook.show(TWO)
    hook.clear(TWO)
    calls = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    records = [{"name": PLACE, "value": "one"}, {"name": PLACE, "value": "two"}]
    assert [told for told, _, _ in calls] == [
        {"action": action, "records": records, "secret": SECRET} for action in ("show", "clear")
    ]
    assert all(SECRET not in json.dumps([arguments, environment]) for _, arguments, environment in calls)
    assert set(calls[0][2]) <= {"PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('no zone for ' + told['secret'])", "the DNS hook failed: no zone for …"),
        ("sys.exit(7)", "the DNS hook failed: exit code 7"),
        ("os.kill(os.getpid(), 9)", "the DNS hook failed: exit code -9"),
        ("time.sleep(600)", r"did not end within 0\.5 seconds"),
    ],
)
def test_a_hook_that_fails_says_why_and_not_its_secret(tmp_path: Path, body: str, words: str) -> None:
    hook = DnsHook(_write_hook(tmp_path, body), SECRET, limit=0.5 if "sleep" in body else 60)
    with pytest.raises(CertificateError, match=words) as caught:
        hook.show(TWO)
    assert SECRET not in f"{caught.value.message} {hook!r}"


def test_a_hook_that_is_not_there() -> None:
    with pytest.raises(CertificateError, match="cannot be run: No such file"):
        DnsHook(("/nonexistent/hook",)).show(TWO)
