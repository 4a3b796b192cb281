"""Signatures by SSH keys over content of ours, as ``ssh-keygen -Y sign`` makes them and ``-Y verify`` takes them.

Verified here and not by ``ssh-keygen``, since thousands of records are read where a process each would take minutes.

Source: OpenSSH's PROTOCOL.sshsig (the form), RFC 8332 §3 and RFC 5656 §3.1.2 (RSA's and ECDSA's signatures),
OpenSSH's PROTOCOL.u2f (those of a security key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from homeprod.core.sshwire import read_strings, write_string

_MAGIC, _VERSION = b"SSHSIG", 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70
_HASH = b"sha512"
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
_RSA: Mapping[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-512": hashes.SHA512(), b"rsa-sha2-256": hashes.SHA256()}
_CURVES: Mapping[bytes, hashes.HashAlgorithm] = {
    b"ecdsa-sha2-nistp256": hashes.SHA256(),
    b"ecdsa-sha2-nistp384": hashes.SHA384(),
    b"ecdsa-sha2-nistp521": hashes.SHA512(),
}
_ED25519, _SECURITY_KEY = b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"
_TOUCHED = 1
"""The flag of a security key that somebody was there."""


class SignatureError(Exception):
    """It cannot be believed; the text says why."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """``key`` is the public key's blob, ``signature`` the raw one with its kind before it."""

    key: bytes
    namespace: bytes
    reserved: bytes
    hash: bytes
    signature: bytes


def content_to_sign(content: bytes, namespace: str) -> bytes:
    """What a key signs in the place of ``content``: nothing else that SSH keys sign begins so."""
    return _cover(content, namespace.encode(), b"", _HASH)


def wrap_ed25519(public: bytes, signature: bytes, namespace: str) -> str:
    """The armour for a raw ed25519 signature (64 bytes) over :func:`content_to_sign`; ``public`` is the key."""
    raw = write_string(_ED25519) + write_string(signature)
    fields = b"".join(map(write_string, (public, namespace.encode(), b"", _HASH, raw)))
    text = base64.b64encode(_MAGIC + struct.pack(">I", _VERSION) + fields).decode()
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join((_BEGIN, *lines, _END, ""))


class Believers:
    """Whom to believe: each person's public keys, as lines ``ssh-ed25519 AAAA… comment``."""

    def __init__(self, people: Mapping[str, Sequence[str]]) -> None:
        self._people: dict[bytes, tuple[str, str]] = {}
        for person, lines in people.items():
            for line in lines:
                if (blob := read_blob(line)) is not None:
                    self._people.setdefault(blob, (person, " ".join(line.split()[:2])))
        self._verifiers: dict[bytes, Callable[[bytes, bytes], None]] = {}

    def find_person(self, armour: str, content: bytes, namespace: str) -> str:
        """Who signed it. Raises SignatureError where nobody did whom we believe."""
        parts = _read(armour)
        if parts.key not in self._people:
            raise SignatureError(f"is signed by a key that may not sign ({_name_key(parts.key)})")
        if parts.namespace != namespace.encode():
            raise SignatureError("is signed for another purpose")
        if parts.hash not in _HASHES:
            raise SignatureError("has a signature over a hash that is not known")
        person, line = self._people[parts.key]
        covered = _cover(content, parts.namespace, parts.reserved, parts.hash)
        try:
            self._find_verifier(parts.key, line)(parts.signature, covered)
        except (InvalidSignature, ValueError, struct.error, StopIteration):
            raise SignatureError("has a signature that is not right") from None
        return person

    def _find_verifier(self, blob: bytes, line: str) -> Callable[[bytes, bytes], None]:
        if blob not in self._verifiers:
            self._verifiers[blob] = _make_verifier(blob, line)
        return self._verifiers[blob]


def read_blob(line: str) -> bytes | None:
    """Of a public key's line; None where it is none."""
    words = line.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
        return blob if next(read_strings(blob)) == words[0].encode() else None
    except (IndexError, binascii.Error, ValueError, StopIteration, struct.error):
        return None


def _cover(content: bytes, namespace: bytes, reserved: bytes, name: bytes) -> bytes:
    digest = _HASHES[name](content).digest()
    return _MAGIC + b"".join(map(write_string, (namespace, reserved, name, digest)))


def _read(armour: str) -> _Parts:
    lines = [line.strip() for line in armour.strip().splitlines()]
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise SignatureError("is not signed")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        (version,) = struct.unpack_from(">I", blob, len(_MAGIC))
        key, namespace, reserved, name, signature = read_strings(blob[len(_MAGIC) + 4 :])
    except (binascii.Error, ValueError, struct.error):
        raise SignatureError("has a signature that cannot be read") from None
    if not blob.startswith(_MAGIC) or version != _VERSION:
        raise SignatureError("has a signature that cannot be read")
    return _Parts(key, namespace, reserved, name, signature)


def _make_verifier(blob: bytes, line: str) -> Callable[[bytes, bytes], None]:
    kind = next(read_strings(blob))
    if kind == _SECURITY_KEY:
        return _make_touched_verifier(blob)
    try:
        key = load_ssh_public_key(line.encode())
    except UnsupportedAlgorithm:
        raise SignatureError("is signed by a key of a kind that is not known") from None
    if isinstance(key, Ed25519PublicKey):
        return lambda signature, covered: key.verify(_open(signature, (_ED25519,))[1], covered)
    if isinstance(key, rsa.RSAPublicKey):
        return lambda signature, covered: _verify_rsa(key, signature, covered)
    if isinstance(key, ec.EllipticCurvePublicKey) and kind in _CURVES:
        return lambda signature, covered: _verify_ecdsa(key, kind, signature, covered)
    raise SignatureError("is signed by a key of a kind that is not known")


def _verify_rsa(key: rsa.RSAPublicKey, signature: bytes, covered: bytes) -> None:
    kind, raw = _open(signature, tuple(_RSA))
    key.verify(raw, covered, padding.PKCS1v15(), _RSA[kind])


def _verify_ecdsa(key: ec.EllipticCurvePublicKey, kind: bytes, signature: bytes, covered: bytes) -> None:
    first, second = (int.from_bytes(one, "big") for one in read_strings(_open(signature, (kind,))[1]))
    key.verify(encode_dss_signature(first, second), covered, ec.ECDSA(_CURVES[kind]))


def _make_touched_verifier(blob: bytes) -> Callable[[bytes, bytes], None]:
    _, public, application = read_strings(blob)
    key = Ed25519PublicKey.from_public_bytes(public)

    def verify(signature: bytes, covered: bytes) -> None:
        head, tail = signature[:-5], signature[-5:]  # a byte of flags and a counter stand behind it
        raw = _open(head, (_SECURITY_KEY,))[1]
        if not tail[0] & _TOUCHED:
            raise InvalidSignature
        told = hashlib.sha256(application).digest() + tail + hashlib.sha256(covered).digest()
        key.verify(raw, told)

    return verify


def _open(signature: bytes, kinds: Sequence[bytes]) -> tuple[bytes, bytes]:
    kind, raw = read_strings(signature)
    if kind not in kinds:
        raise InvalidSignature
    return kind, raw


def _name_key(blob: bytes) -> str:
    digest = hashlib.sha256(blob).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
