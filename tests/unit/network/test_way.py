"""The rendered way, through the real nginx: who is reached by which name, and whose address is told."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nginx_process import Way, open_way, run_service

from homeprod.network.challenge import is_challenge

GIXY = Path(sys.executable).with_name("gixy")


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(run_service(name)) for name in ("demo", "files", "near")}
        yield stack.enter_context(open_way(tmp_path_factory.mktemp("way"), ports))


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("demo.lab.example", "demo"),
        ("DEMO.Lab.Example", "demo"),
        ("files.example", "files"),
    ],
)
def test_each_name_reaches_its_service(way: Way, name: str, service: str) -> None:
    status, headers, body = way.ask(name)
    assert status == 200
    told = json.loads(body)
    assert told["service"] == service
    assert told["headers"]["host"] == name.lower()
    assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert told["headers"]["x-forwarded-proto"] == "https"
    assert headers["strict-transport-security"] == "max-age=63072000"


@pytest.mark.parametrize("name", ["other.example", "other.lab.example", "lab.example", "a.demo.lab.example"])
def test_a_name_that_nobody_serves_is_told_so(way: Way, name: str) -> None:
    status, _, body = way.ask(name)
    assert (status, body) == (421, b"no service here has this name\n")


def test_a_connection_is_good_for_the_names_of_its_own_proxy_alone(way: Way) -> None:
    """As a browser does that has one certificate for both (HTTP/2 coalescing)."""
    assert way.ask("demo.lab.example", Host="files.example")[0] == 421


def test_an_address_that_a_client_claims_is_not_believed(way: Way) -> None:
    told = json.loads(
        way.ask("files.example", X_Forwarded_For="1.2.3.4", X_Real_IP="1.2.3.4", Forwarded="for=1.2.3.4")[2]
    )
    assert "1.2.3.4" not in json.dumps(told)


FORGED = b"PROXY TCP4 1.2.3.4 127.0.0.1 5 443\r\n"


def test_a_proxy_header_of_a_clients_own_is_no_hello(way: Way) -> None:
    """The passthrough takes none: what comes is not TLS, so it goes where what has no name goes, and is refused."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        way.ask("files.example", before=FORGED)


def test_whoever_is_not_the_passthrough_gets_nothing_at_its_port(way: Way) -> None:
    proxy = way.proxies["prod-proxy"]
    told = json.loads(way.ask("files.example", port=proxy.passed, before=FORGED)[2])
    assert told["headers"]["x-forwarded-for"] == "1.2.3.4", "127.0.0.1 is the passthrough here, and is believed"
    for before in (FORGED, b""):
        with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
            way.ask("files.example", port=proxy.passed, before=before, source="127.0.0.2")


def test_what_is_for_the_lan_alone_is_unknown_outside(way: Way) -> None:
    proxy = way.proxies["prod-proxy"]
    assert way.ask("near.example")[0] == 421
    assert way.ask_plainly("near.example")[0] == 421
    status, headers, _ = way.ask("near.example", port=proxy.https)
    assert (status, headers.get("strict-transport-security")) == (200, None)
    assert way.ask_plainly("near.example", port=proxy.http, X_Forwarded_For="1.2.3.4")[0] == 421, "of no LAN's"


def test_port_80_leads_to_https_or_is_served(way: Way) -> None:
    status, headers, _ = way.ask_plainly("demo.lab.example", "/a?b=c")
    assert (status, headers["location"]) == (308, "https://demo.lab.example/a?b=c")
    assert way.ask_plainly("other.example")[0] == 421
    lan = way.proxies["prod-proxy"]
    assert json.loads(way.ask_plainly("near.example", port=lan.http)[2])["service"] == "near"


def test_a_challenge_is_answered_without_tls(way: Way) -> None:
    folder = Path(way.proxies["lab-proxy"].challenges) / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    assert way.ask_plainly("demo.lab.example", "/.well-known/acme-challenge/token")[::2] == (200, b"proof")
    assert way.ask_plainly("demo.lab.example", "/.well-known/acme-challenge/other")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/acme-challenge/x",
        "/.well-known/acme-challenge/x/y?z",
        "//.well-known//acme-challenge/x",
        "/%2ewell-known/acme%2Dchallenge%2Fx",
        "/a/../.well-known/./acme-challenge/x",
        "/.well-known/acme-challenge/x/..",
        "/.well-known/acme-challenge/x/../y",
        "/.well-known/acme-challenge",
        "/.well-known/acme-challenge/../x",
        "/.well-known/acme-challenge%3Fx",
        "/.Well-Known/acme-challenge/x",
        "/.well-known/x",
        "/?/.well-known/acme-challenge/x",
        "/",
    ],
)
def test_what_is_a_challenge_is_told_as_nginx_does(way: Way, path: str) -> None:
    status = way.ask_plainly("demo.lab.example", path)[0]
    assert is_challenge(path) == (status in (403, 404)), status
    assert status in (308, 403, 404)


def test_gixy_finds_nothing(way: Way) -> None:
    for folder in ("way", "lab", "prod"):
        # What the passthrough's variable names is an upstream, of literal addresses: there is nothing to resolve. Who
        # is told 421 is none of the proxy's names, so it promises nothing about them; that services do is seen above.
        command = (str(GIXY), "--skips", "missing_resolver,hsts_header", str(way.folder / folder / "nginx.conf"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout
