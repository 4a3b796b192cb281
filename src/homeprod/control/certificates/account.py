"""Account: a public authority, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from acme import client, errors, messages
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwa import ES256, ES384, RS256, JWASignature
from josepy.jwk import JWK, JWKEC, JWKRSA

from homeprod import __version__
from homeprod.control.certificates.trouble import Patience, describe_stranger
from homeprod.core.errors import CertificateError

SECONDS = 30
"""For one answer."""
_SIGNATURES = {256: ES256, 384: ES384}
_MAKE_KEY = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"


@dataclass(frozen=True, slots=True)
class Account:
    """``directory`` is the URL of the authority's directory, ``key`` the account's private one (PEM). ``contact`` are
    addresses that it may write to, ``profile`` what kind of certificate it is asked for, where it offers several;
    ``ca_file`` what its own certificate is checked against, empty for the public roots. ``agrees_to_terms`` is a
    person's word, which nobody gives for them."""

    directory: str
    key: str = field(repr=False)
    agrees_to_terms: bool = False
    contact: tuple[str, ...] = ()
    profile: str = ""
    ca_file: str = ""


def connect(account: Account, patience: Patience) -> client.ClientV2:
    """Who may ask what needs no account. Raises CertificateError, and what the library raises."""
    # requests takes a file where the library's annotation has only a switch
    verify: bool = account.ca_file or True  # type: ignore[assignment]
    network = client.ClientNetwork(verify_ssl=verify, user_agent=f"homeprod/{__version__}", timeout=SECONDS)
    network.session.hooks["response"].append(patience.note)
    directory = client.ClientV2.get_directory(account.directory, network)
    if not all(name in directory.to_partial_json() for name in ("newNonce", "newAccount", "newOrder")):
        raise describe_stranger(account.directory)
    return client.ClientV2(directory, network)


def log_in(account: Account, patience: Patience) -> client.ClientV2:
    """With the account, which is made where there is none of this key. Raises CertificateError, and what the library
    raises."""
    if not account.agrees_to_terms:
        hint = "read them, and say so where the directory stands: agrees_to_terms: true"
        raise CertificateError("nobody agreed to the authority's terms", where=account.directory, hint=hint)
    key, signature = _load_key(account)
    made = connect(account, patience)
    made.net.key, made.net.alg = key, signature
    wanted = messages.NewRegistration.from_data(terms_of_service_agreed=True)
    wanted = wanted.update(contact=tuple(f"mailto:{address}" for address in account.contact))
    try:
        made.new_account(wanted)
    except errors.ConflictError as error:  # it is there already; this is how the library says so
        made.net.account = messages.RegistrationResource(uri=error.location, body=messages.Registration())
    return made


def _load_key(account: Account) -> tuple[JWK, JWASignature]:
    try:
        key = load_pem_private_key(account.key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None  # what was raised may hold the key
    if isinstance(key, rsa.RSAPrivateKey):
        return JWKRSA(key=key), RS256
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in _SIGNATURES:
        return JWKEC(key=key), _SIGNATURES[key.curve.key_size]
    hint = f"make one, and have it encrypted for the vault:\n\n  {_MAKE_KEY}"
    raise CertificateError("the account's key is none that an authority takes", where=account.directory, hint=hint)
