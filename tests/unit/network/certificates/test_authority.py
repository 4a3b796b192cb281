"""The site's own authority, as real clients take it: OpenSSL, and cryptography's own verifier."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from tests.made_certificates import DAY, NOW, make_home, make_key, make_request

from homeprod.core.errors import CertificateError
from homeprod.network.certificates.authority import Authority, list_zones, make_authority, sign_request

KEY = make_key()


def _verify(folder: Path, root: str, chain: str) -> subprocess.CompletedProcess[str]:
    """By openssl, as every program that is linked against it does."""
    (folder / "root.pem").write_text(root)
    (folder / "chain.pem").write_text(chain)
    at = str(int((NOW + DAY).timestamp()))
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", at]
    argv += ["-CAfile", str(folder / "root.pem"), "-untrusted", str(folder / "chain.pem"), str(folder / "chain.pem")]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def test_openssl_believes_what_it_signed(tmp_path: Path) -> None:
    home = make_home()
    chain = sign_request(home, make_request(KEY, "nas.home.arpa", "*.tv.home.arpa"), NOW)
    done = _verify(tmp_path, home.root, chain)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_webpki_verifier_believes_it_too() -> None:
    home = make_home()
    chain = x509.load_pem_x509_certificates(sign_request(home, make_request(KEY, "nas.home.arpa"), NOW).encode())
    store = Store([x509.load_pem_x509_certificate(home.root.encode())])
    verifier = PolicyBuilder().store(store).time(NOW + DAY)
    built = verifier.build_server_verifier(x509.DNSName("nas.home.arpa")).verify(chain[0], chain[1:])
    assert len(built) == 3
    with pytest.raises(VerificationError):
        verifier.build_server_verifier(x509.DNSName("bank.example")).verify(chain[0], chain[1:])


@pytest.mark.parametrize("name", ["bank.example", "xhome.arpa", "arpa", "*.arpa"])
def test_it_signs_nothing_outside_its_zones(name: str) -> None:
    home = make_home()
    with pytest.raises(CertificateError, match="lies outside") as caught:
        sign_request(home, make_request(KEY, name), NOW)
    assert "homeprod control authority make" in caught.value.hint


def _forge(home: Authority, alternative: x509.GeneralName) -> str:
    """What a thief of the key could sign, who does not ask us."""
    key = load_pem_private_key(home.key, None)
    issuer = x509.load_pem_x509_certificate(home.issuer.encode())
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer.subject)
    builder = builder.public_key(KEY.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + 9 * DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(KEY.public_key())
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
        critical=False,
    )
    made = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return made.public_bytes(Encoding.PEM).decode() + home.issuer


def test_a_stolen_key_certifies_no_other_name_and_no_address(tmp_path: Path) -> None:
    from ipaddress import ip_address

    home = make_home()
    assert _verify(tmp_path, home.root, _forge(home, x509.DNSName("nas.home.arpa"))).returncode == 0
    for other in (
        x509.DNSName("bank.example"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.IPAddress(ip_address("2001:db8::1")),
    ):
        done = _verify(tmp_path, home.root, _forge(home, other))
        assert done.returncode != 0, other
        assert "subtree" in done.stderr, done.stderr


def test_the_constraints_stand_in_the_root_and_below_it_and_are_critical() -> None:
    home = make_home("lan.example", "home.arpa")
    for pem in (home.root, home.issuer):
        own = x509.load_pem_x509_certificate(pem.encode())
        assert list_zones(own) == ["home.arpa", "lan.example"]
        assert own.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert "PRIVATE" not in repr(home)


def test_without_a_zone_there_is_none() -> None:
    with pytest.raises(CertificateError, match="needs a zone"):
        make_authority("everything", [], NOW)
