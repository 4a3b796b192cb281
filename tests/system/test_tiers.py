"""Three tiers of real nginx on hosts of their own: what a client gets, and whom the service sees."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.nginx_process import LIMIT, Answer
from tests.tiers import ADDRESSES, NAMES, PASSED, Tiers, find_address, open_tiers

pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="each tier is a network namespace: run as root"),
]
VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
PROXY_OF = {"demo": "lab-proxy", "files": "prod-proxy", "plain": "prod-proxy"}


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiers]:
    with open_tiers(tmp_path_factory.mktemp("tiers")) as tiers:
        yield tiers


def read(answer: Answer) -> dict[str, Any]:
    assert answer[0] == 200, answer
    return dict(json.loads(answer[2]))


def see(told: dict[str, Any]) -> tuple[str, str]:
    """Whom the service was told of."""
    return told["headers"]["x-forwarded-for"], told["headers"]["x-real-ip"]


@VERSIONS
@pytest.mark.parametrize("service", PROXY_OF)
def test_a_request_goes_the_whole_way_and_the_clients_own_address_with_it(
    tiers: Tiers, service: str, version: int
) -> None:
    path = f"/{service}-{version}"
    told = read(tiers.ask(tiers.connect("client", version=version), NAMES[service], path))
    client = find_address("client", version)
    assert (told["service"], see(told)) == (service, (client, client))
    proxy = [text.partition("/")[0] for text in ADDRESSES[PROXY_OF[service]]]
    assert told["peer"].removeprefix("::ffff:") in proxy, "nobody else spoke to it"
    logged = tiers.wait_for_log(PROXY_OF[service], path)
    assert (logged["client"], logged["via"]) == (client, find_address("passthrough", 4))


@VERSIONS
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name)
@pytest.mark.parametrize("service", ["demo", "files"])
def test_the_session_is_the_proxys(tiers: Tiers, service: str, newest: ssl.TLSVersion, version: int) -> None:
    """What was agreed on through the passthrough is taken up by the proxy itself: nobody else was in between."""
    name, context = NAMES[service], tiers.make_context()
    context.maximum_version = newest

    def talk(to: str, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bytes | None, bool | None]:
        line = tiers.connect("client", to, version=version)
        with line, context.wrap_socket(line, server_hostname=name, session=session) as secure:
            secure.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            assert secure.recv(9) == b"HTTP/1.1 "
            return secure.session, secure.getpeercert(binary_form=True), secure.session_reused

    session, certificate, _ = talk("passthrough", None)
    _, direct, is_reused = talk(PROXY_OF[service], session)
    assert certificate == direct
    assert is_reused


@VERSIONS
@pytest.mark.parametrize("service", ["demo", "files"])
def test_http_2_goes_through(tiers: Tiers, service: str, version: int) -> None:
    """Several requests on one connection, each over HTTP/2."""
    authority = tiers.folder / "authority.pem"
    tiers.authority.cert_pem.write_to_path(authority)
    name, address = NAMES[service], find_address("passthrough", version)
    place = f"[{address}]" if version == 6 else address
    said = "\n%{http_version} %{num_connects} %{ssl_verify_result}\n"
    command = ("curl", "-sS", "--http2", "--cacert", str(authority), "--resolve", f"{name}:443:{place}", "-w", said)
    urls = [f"https://{name}/{number}" for number in range(3)]
    done = tiers.hosts["client"].call(
        subprocess.run, [*command, *urls], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1::2] == ["2 1 0", "2 0 0", "2 0 0"]
    told = [json.loads(line) for line in lines[::2]]
    assert [(one["path"], see(one)[0]) for one in told] == [
        (f"/{number}", find_address("client", version)) for number in range(3)
    ]


CLAIMS = ("203.0.113.1", "192.0.2.9", "192.0.2.4", "127.0.0.1", "2001:db8::9")
"""A stranger's address, the neighbour's, the passthrough's, the proxy's own."""


@VERSIONS
@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("source", ["client", "neighbour"])
def test_headers_that_claim_an_address_are_not_believed(tiers: Tiers, source: str, claim: str, version: int) -> None:
    """At the passthrough and, from inside, at the proxy's own doors; over TLS and on port 80."""
    own = find_address(source, version)
    headers = {
        "X-Forwarded-For": claim,
        "x-forwarded-FOR": f"{claim}, {claim}",
        "X_Forwarded_For": claim,
        "X-Real-IP": claim,
        "Forwarded": f"for={claim}",
        "True-Client-IP": claim,
    }
    for to in ("passthrough", "prod-proxy"):
        told = read(tiers.ask(tiers.connect(source, to, version=version), NAMES["plain"], **headers))
        assert see(told) == (own, own)
        assert "forwarded" not in told["headers"]
        told = read(tiers.ask_plainly(tiers.connect(source, to, 80, version=version), NAMES["plain"], **headers))
        assert see(told) == (own, own)


@VERSIONS
@pytest.mark.parametrize("claim", CLAIMS)
def test_who_says_that_he_is_of_the_lan_is_not(tiers: Tiers, claim: str, version: int) -> None:
    name = NAMES["near"]
    line = tiers.connect("client", version=version)
    assert tiers.ask(line, name, shown="prod-proxy.example", X_Forwarded_For=claim)[0] == 421
    assert tiers.ask_plainly(tiers.connect("client", port=80, version=version), name, X_Forwarded_For=claim)[0] == 421
    assert read(tiers.ask(tiers.connect("neighbour", "prod-proxy", version=version), name))["service"] == "near"


def write_header(claim: str, form: str) -> bytes:
    """A header of the PROXY protocol, of either version."""
    family = socket.AF_INET6 if ":" in claim else socket.AF_INET
    other = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    if form == "v1":
        return f"PROXY {'TCP6' if family == socket.AF_INET6 else 'TCP4'} {claim} {other} 5 443\r\n".encode()
    if form == "unknown":
        return b"PROXY UNKNOWN\r\n"
    both = b"".join(socket.inet_pton(family, one) for one in (claim, other)) + b"\x00\x05\x01\xbb"
    kind = b"\x21" if family == socket.AF_INET6 else b"\x11"
    return b"\r\n\r\n\x00\r\nQUIT\n\x21" + kind + len(both).to_bytes(2, "big") + both


FORMS = pytest.mark.parametrize("form", ["v1", "v2", "unknown"])


@VERSIONS
@FORMS
@pytest.mark.parametrize("service", ["demo", "files"])
def test_a_proxy_header_of_a_clients_own_is_refused(tiers: Tiers, service: str, form: str, version: int) -> None:
    """By the passthrough, for which it is no hello, and at the proxy's own door."""
    before = len(tiers.list_told())
    for to in ("passthrough", PROXY_OF[service]):
        for claim in CLAIMS:
            line = tiers.connect("client", to, version=version)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                tiers.ask(line, NAMES[service], before=write_header(claim, form))
    assert len(tiers.list_told()) == before


@VERSIONS
@FORMS
@pytest.mark.parametrize("service", ["demo", "files"])
def test_a_neighbour_gets_nothing_at_the_passthroughs_doors(
    tiers: Tiers, service: str, form: str, version: int
) -> None:
    """Whoever he says he is: a connection that ends without a byte of an answer."""
    before = len(tiers.list_told())
    proxy = PROXY_OF[service]
    number, passed, passed_http = PASSED[proxy]
    for claim in CLAIMS:
        line = tiers.connect("neighbour", proxy, passed, version=version, number=number)
        with pytest.raises((ssl.SSLError, ConnectionError, NothingError)):
            hear(tiers.ask, line, NAMES[service], before=write_header(claim, form))
        line = tiers.connect("neighbour", proxy, passed_http, version=version, number=number)
        with pytest.raises((ConnectionError, NothingError)):
            hear(tiers.ask_plainly, line, NAMES[service], X_Forwarded_For=claim)
    assert len(tiers.list_told()) == before


class NothingError(Exception):
    """The connection was closed without an answer."""


def hear(ask: Any, *arguments: Any, **more: Any) -> Answer:
    try:
        return ask(*arguments, **more)
    except IndexError as error:
        raise NothingError from error
