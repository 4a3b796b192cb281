"""Real orders, against a real ACME server on loopback; and each thing that can be wrong with one."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.acme_server import Fault, Pebble, problem, run_faulty, run_loopback_dns, run_pebble
from tests.made_certificates import make_chain, make_key, make_request
from tests.ports import find_port

from homeprod.control.certificates.account import Account, log_in
from homeprod.control.certificates.order import find_suggestion, order
from homeprod.control.certificates.proof import Kind, Proof
from homeprod.control.certificates.trouble import Patience
from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import check_chain

pytestmark = pytest.mark.slow
KEY = make_key()
NAME = "demo.lab.example"
REQUEST = make_request(KEY, NAME)
STAYS = "what is served stays as it is"


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("acme")
    with run_loopback_dns(folder) as dns, run_pebble(folder, dns) as server:
        yield server


class Web:
    """Shows proofs of http-01 on a port of loopback, as a proxy's nginx does on port 80."""

    kind: Kind = "http-01"

    def __init__(self, port: int, *, lies: bool = False) -> None:
        self.shown: dict[str, str] = {}
        self.cleared = 0
        self.asked: list[str] = []
        shown, asked = self.shown, self.asked

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                value = shown.get(self.path.rpartition("/")[2])
                self.send_response(404 if value is None else 200)
                self.end_headers()
                self.wfile.write(b"" if value is None else b"lies" if lies else value.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Answer)

    def show(self, proofs: Sequence[Proof]) -> None:
        self.shown |= {proof.place: proof.value for proof in proofs}

    def clear(self, proofs: Sequence[Proof]) -> None:
        self.cleared += 1
        for proof in proofs:
            self.shown.pop(proof.place, None)


@contextlib.contextmanager
def run_web(port: int, *, lies: bool = False) -> Iterator[Web]:
    web = Web(port, lies=lies)
    web.server.daemon_threads = True
    thread = threading.Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        web.server.shutdown()
        thread.join()
        web.server.server_close()


def test_an_order_by_http(pebble: Pebble) -> None:
    request = make_request(KEY, NAME, "other.lab.example")
    with run_web(pebble.http) as web:
        issued = order(pebble.account(), request, web)
    names = [NAME, "other.lab.example"]
    check_chain(issued.chain, names=names, key=KEY.public_key(), now=datetime.now(UTC) + timedelta(minutes=1))
    assert issued.leftover == ""
    assert (web.shown, web.cleared) == ({}, 1)
    assert {path.rpartition("/")[0] for path in web.asked} == {"/.well-known/acme-challenge"}


def test_the_account_is_made_once_and_found_again(pebble: Pebble) -> None:
    account = pebble.account()
    first, again, other = (
        log_in(one, Patience()).net.account for one in (account, account, pebble.account(contact=("a@b.example",)))
    )
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.uri == again.uri != other.uri


def test_a_name_that_is_not_proven_is_named_with_the_authoritys_words(pebble: Pebble) -> None:
    with run_web(pebble.http, lies=True) as web, pytest.raises(CertificateError) as caught:
        order(pebble.account(), REQUEST, web)
    assert caught.value.message.startswith(f"{NAME} was not proven by http-01: ")
    assert "lies" in caught.value.message
    assert STAYS in caught.value.hint
    assert (web.shown, web.cleared) == ({}, 1)


class Unable:
    kind: Kind = "http-01"

    def show(self, _proofs: Sequence[Proof]) -> None:
        raise CertificateError("the proxy cannot be written to")

    def clear(self, _proofs: Sequence[Proof]) -> None:
        raise CertificateError("nor cleared")


def test_what_went_wrong_first_is_what_is_said(pebble: Pebble) -> None:
    with pytest.raises(CertificateError, match="the proxy cannot be written to"):
        order(pebble.account(), REQUEST, Unable())


def test_a_proof_that_stays_is_told_and_no_failure(pebble: Pebble) -> None:
    with run_web(pebble.http) as web:
        web.clear = Unable().clear  # type: ignore[method-assign]
        issued = order(pebble.account(), REQUEST, web)
    assert issued.chain.names == {NAME}
    assert issued.leftover == "nor cleared"


def test_a_wildcard_is_not_proven_by_http(pebble: Pebble) -> None:
    with (
        run_web(pebble.http) as web,
        pytest.raises(CertificateError, match=r"takes no proof of lab\.example by http-01") as caught,
    ):
        order(pebble.account(), make_request(KEY, "*.lab.example"), web)
    assert "it takes: dns-01" in caught.value.hint


def test_nobody_agrees_to_terms_for_a_person(pebble: Pebble) -> None:
    with pytest.raises(CertificateError, match="nobody agreed to the authority's terms"):
        order(pebble.account(agrees_to_terms=False), REQUEST, Unable())


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_said_and_not_shown(pebble: Pebble, key: str) -> None:
    account = Account(pebble.account().directory, key, agrees_to_terms=True, ca_file=str(pebble.ca_file))
    with pytest.raises(CertificateError, match="none that an authority takes") as caught:
        order(account, REQUEST, Unable())
    assert caught.value.__context__ is None
    assert "openssl genpkey" in caught.value.hint
    assert "AAAA" not in repr(account)


def test_a_server_that_is_down(pebble: Pebble) -> None:
    with pytest.raises(CertificateError, match="the authority cannot be reached: no connection") as caught:
        order(pebble.account(port=find_port()), REQUEST, Unable())
    assert STAYS in caught.value.hint


def test_a_server_that_we_do_not_believe(pebble: Pebble) -> None:
    with pytest.raises(CertificateError, match="its own certificate is not believed"):
        order(pebble.account(ca_file=""), REQUEST, Unable())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("/dir", 200, b"<html>"), "is no ACME server"),
        (Fault("/dir", 200, b"{}"), "is no ACME server"),
        (Fault("/dir", 404, b"not here"), "answers 404 Not Found"),
        (Fault("/dir", 503, b"", {"Retry-After": "60"}), "answers 503 Service Unavailable"),
        (Fault("/order-plz", 500, problem("serverInternal", "oh dear")), "the authority refused: oh dear"),
        (Fault("/order-plz", 403, problem("caa", "forbidden\nby CAA")), "the authority refused: forbidden by CAA"),
        (Fault("/sign-me-up", 400, problem("externalAccountRequired", "who?")), "the authority refused: who?"),
        (Fault("/order-plz", 400, problem("badNonce", "stale")), "refused a nonce of its own twice"),
        (Fault("/my-order", 500, problem("serverInternal", "later")), "the authority refused: later"),
    ],
    ids=["html", "empty", "404", "503", "500", "caa", "eab", "nonce", "poll"],
)
def test_each_refusal_is_one_clear_error(pebble: Pebble, fault: Fault, words: str) -> None:
    with run_web(pebble.http) as web, run_faulty(pebble, fault) as port, pytest.raises(CertificateError) as caught:
        order(pebble.account(port=port), REQUEST, web)
    assert fault.met
    assert words in caught.value.message
    assert caught.value.where == f"https://127.0.0.1:{port}/dir"
    assert STAYS in caught.value.hint
    assert web.shown == {}


@pytest.mark.parametrize("path", ["/order-plz", "/sign-me-up", "/dir"])
@pytest.mark.parametrize("body", [problem("rateLimited", "too many certificates"), b"slow down"])
def test_a_rate_limit_says_until_when(pebble: Pebble, path: str, body: bytes) -> None:
    fault = Fault(path, 429, body, {"Retry-After": "Sat, 05 Dec 2026 10:20:00 GMT"})
    with run_faulty(pebble, fault) as port, pytest.raises(CertificateError) as caught:
        order(pebble.account(port=port), REQUEST, Unable())
    assert caught.value.message.startswith("the authority's rate limit is reached until 2026-12-05 10:20 UTC: ")
    assert "do not try before" in caught.value.hint


def test_one_stale_nonce_is_no_failure(pebble: Pebble) -> None:
    fault = Fault("/order-plz", 400, problem("badNonce", "stale"), {"Replay-Nonce": "c3RhbGU"}, times=1)
    with run_web(pebble.http) as web, run_faulty(pebble, fault) as port:
        assert order(pebble.account(port=port), REQUEST, web).chain.names == {NAME}
    assert fault.met == 1


def test_a_server_whose_nonces_are_never_good(tmp_path: Path) -> None:
    refused = pytest.raises(CertificateError, match="refused a nonce of its own twice")
    with run_pebble(tmp_path, find_port(), nonces_refused=100) as server, refused:
        order(server.account(), REQUEST, Unable())


def test_an_order_that_never_ends_is_given_up(pebble: Pebble) -> None:
    class Mute(Web):
        def show(self, proofs: Sequence[Proof]) -> None:
            """Nothing is to be seen."""

    web = Mute(find_port())
    with pytest.raises(CertificateError, match=r"did not decide in time|was not proven"):
        order(pebble.account(), REQUEST, web, timedelta(0))
    web.server.server_close()


# When an authority would have it renewed (RFC 9773). Debian's pebble does not know that yet, so it is told beside it.


def _renewing(port: int) -> bytes:
    return json.dumps({"renewalInfo": f"https://127.0.0.1:{port}/renewal"}).encode()


def _suggest(pebble: Pebble, fault: Fault) -> datetime | None:
    ports: list[int] = []

    def alter(directory: bytes) -> bytes:
        return json.dumps({**json.loads(directory), **json.loads(_renewing(ports[0]))}).encode()

    with run_faulty(pebble, fault, alter=alter) as port:
        ports.append(port)
        return find_suggestion(pebble.account(port=port), make_chain(KEY, "nas.home.arpa", at=datetime.now(UTC)))


def test_an_authority_says_when_it_would_have_it_renewed(pebble: Pebble) -> None:
    window = {"suggestedWindow": {"start": "2026-12-30T04:00:00Z", "end": "2026-12-31T04:00:00Z"}}
    found = _suggest(pebble, Fault("/renewal/", 200, json.dumps(window).encode(), {"Retry-After": "21600"}))
    assert found is not None
    assert datetime(2026, 12, 30, 4, tzinfo=UTC) <= found <= datetime(2026, 12, 31, 4, tzinfo=UTC)


@pytest.mark.parametrize(("status", "body"), [(503, b""), (404, problem("malformed", "unknown")), (200, b"<html>")])
def test_where_it_does_not_say_the_certificates_own_life_decides(pebble: Pebble, status: int, body: bytes) -> None:
    assert _suggest(pebble, Fault("/renewal/", status, body)) is None


def test_where_it_cannot_be_asked_or_knows_no_such_thing_too(pebble: Pebble) -> None:
    chain = make_chain(KEY, "nas.home.arpa", at=datetime.now(UTC))
    assert find_suggestion(pebble.account(), chain) is None
    assert find_suggestion(pebble.account(port=find_port()), chain) is None
