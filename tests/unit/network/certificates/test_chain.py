"""What is wrong with a certificate: one clear error each; and why a new one is had."""

from __future__ import annotations

import pytest
from tests.made_certificates import DAY, NOW, make_chain, make_home, make_key, make_request

from homeprod.core.errors import CertificateError
from homeprod.network.certificates.authority import sign_request
from homeprod.network.certificates.chain import Chain, check_chain
from homeprod.network.certificates.renewal import explain_renewal
from homeprod.network.certificates.request import parse_request

KEY = make_key()
NAME = "nas.home.arpa"
CHAIN = make_chain(KEY, NAME)
PUBLIC = KEY.public_key()


def test_a_sound_one_is_let_be() -> None:
    check_chain(CHAIN, names=[NAME], key=PUBLIC, now=NOW)
    assert explain_renewal(CHAIN, names=[NAME], key=PUBLIC, now=NOW + 59 * DAY) == ""
    assert Chain.parse(CHAIN.render()) == CHAIN


def _other_issuer() -> Chain:
    return Chain((CHAIN.leaf, make_chain(KEY, NAME).certificates[1]))


@pytest.mark.parametrize(
    ("chain", "names", "key", "days", "words"),
    [
        (CHAIN, [NAME], make_key().public_key(), 1, "does not fit its key"),
        (CHAIN, [NAME], PUBLIC, 91, "has expired on 2026-08-30 12:00 UTC"),
        (CHAIN, [NAME], PUBLIC, -1, "valid only from 2026-06-01 11:00 UTC on"),
        (CHAIN, [NAME, "tv.home.arpa"], PUBLIC, 1, "is not for tv.home.arpa"),
        (Chain(CHAIN.certificates[:1]), [NAME], PUBLIC, 1, "without its issuer"),
        (_other_issuer(), [NAME], PUBLIC, 1, "the chain is broken: CN=homeprod pegasus lab issuer did not issue"),
    ],
)
def test_each_fault_is_said_by_itself_and_is_a_reason_for_a_new_one(
    chain: Chain, names: list[str], key: object, days: int, words: str
) -> None:
    now = NOW + days * DAY
    with pytest.raises(CertificateError, match=words) as caught:
        check_chain(chain, names=names, key=key, now=now, where="lab-proxy")  # type: ignore[arg-type]
    assert caught.value.where == "lab-proxy"
    assert caught.value.hint
    assert words in explain_renewal(chain, names=names, key=key, now=now)  # type: ignore[arg-type]


def test_what_is_no_certificate_is_said() -> None:
    with pytest.raises(CertificateError, match="no certificate"):
        Chain.parse(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateError, match="no certificate"):
        Chain.parse(b"")


def test_reasons_for_a_new_one_that_are_no_faults() -> None:
    wide = make_chain(KEY, NAME, "old.home.arpa")
    assert explain_renewal(None, names=[NAME], key=PUBLIC, now=NOW) == "there is none yet"
    assert explain_renewal(wide, names=[NAME], key=PUBLIC, now=NOW) == "it is also for old.home.arpa"
    assert explain_renewal(CHAIN, names=[NAME], key=PUBLIC, now=NOW + 61 * DAY) == "two thirds of its life are over"
    suggested = NOW + 2 * DAY
    early = explain_renewal(CHAIN, names=[NAME], key=PUBLIC, now=NOW + DAY, suggested=suggested)
    due = explain_renewal(CHAIN, names=[NAME], key=PUBLIC, now=NOW + 3 * DAY, suggested=suggested)
    assert (early, due) == ("", "its authority suggests it now")


def test_a_request_is_for_the_names_that_were_expected_and_no_other() -> None:
    parse_request(make_request(KEY, NAME), [NAME])
    for request, words in (
        (make_request(KEY, "bank.example"), "is for bank.example, and nas.home.arpa was expected"),
        (make_request(KEY), "has no name"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "no request"),
        (b"", "no request"),
    ):
        with pytest.raises(CertificateError, match=words):
            parse_request(request, [NAME])


def test_a_request_that_somebody_altered_is_refused() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = bytearray(x509.load_pem_x509_csr(make_request(KEY, NAME)).public_bytes(Encoding.DER))
    place = der.index(b"nas.home.arpa")
    der[place : place + 3] = b"tv2"
    pem = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    home = make_home()
    with pytest.raises(CertificateError, match="not signed by its own key"):
        sign_request(home, pem, NOW)
