"""Signatures: what ssh-keygen makes is believed here, and what is made here ssh-keygen takes."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from pathlib import Path

import pytest
from tests.door import make_key
from tests.records import Person

from homeprod.core.sshwire import write_string
from homeprod.promotion.record import NAMESPACE
from homeprod.promotion.sshsig import Believers, SignatureError, content_to_sign

CONTENT = b'{"kind":"trial"}'
KINDS = [("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384"), ("ecdsa", "-b", "521"), ("rsa", "-b", "2048")]


def make(folder: Path, *kind: str) -> tuple[Path, str]:
    file = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", *kind, "-f", str(file)], check=True)
    return file, file.with_suffix(".pub").read_text()


def sign(file: Path, content: bytes, namespace: str = NAMESPACE, *options: str) -> str:
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(file), *options]
    return subprocess.run(argv, input=content, capture_output=True, check=True).stdout.decode()


def verify(folder: Path, line: str, armour: str, content: bytes) -> bool:
    """By ssh-keygen."""
    (folder / "signers").write_text(f'sean namespaces="{NAMESPACE}" {line}\n')
    (folder / "signature").write_text(armour)
    argv = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", "sean"]
    argv += ["-f", str(folder / "signers"), "-s", str(folder / "signature")]
    return subprocess.run(argv, input=content, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_ssh_keygen_signs_is_believed(tmp_path: Path, kind: tuple[str, ...]) -> None:
    file, line = make(tmp_path, *kind)
    believers = Believers({"anne": (make_line(),), "sean": (line,)})
    armour = sign(file, CONTENT)
    assert believers.find_person(armour, CONTENT, NAMESPACE) == "sean"
    with pytest.raises(SignatureError, match="not right"):
        believers.find_person(armour, CONTENT + b" ", NAMESPACE)
    with pytest.raises(SignatureError, match="another purpose"):
        believers.find_person(sign(file, CONTENT, "git"), CONTENT, NAMESPACE)
    with pytest.raises(SignatureError, match="may not sign"):
        Believers({"anne": (make_line(),)}).find_person(armour, CONTENT, NAMESPACE)


def make_line() -> str:
    return Person("anne").line


def test_a_signature_over_the_shorter_hash_is_believed(tmp_path: Path) -> None:
    file, line = make(tmp_path, "ed25519")
    armour = sign(file, CONTENT, NAMESPACE, "-O", "hashalg=sha256")
    assert Believers({"sean": (line,)}).find_person(armour, CONTENT, NAMESPACE) == "sean"


def test_what_is_signed_here_ssh_keygen_takes(tmp_path: Path) -> None:
    sean = Person("sean")
    armour = sean.signer.sign(CONTENT)
    assert verify(tmp_path, sean.line, armour, CONTENT)
    assert not verify(tmp_path, sean.line, armour, CONTENT + b" ")
    assert Believers({"sean": (sean.line,)}).find_person(armour, CONTENT, NAMESPACE) == "sean"


def test_a_security_key_is_believed_where_it_was_touched(tmp_path: Path) -> None:
    """Made as OpenSSH's PROTOCOL.u2f has it; ssh-keygen agrees."""
    kind, application, key = b"sk-ssh-ed25519@openssh.com", b"ssh:", make_key()
    blob = write_string(kind) + write_string(key.public_key().public_bytes_raw()) + write_string(application)
    line = f"{kind.decode()} {base64.b64encode(blob).decode()}"

    def touch(flags: int) -> str:
        tail = bytes([flags]) + struct.pack(">I", 7)
        covered = content_to_sign(CONTENT, NAMESPACE)
        told = hashlib.sha256(application).digest() + tail + hashlib.sha256(covered).digest()
        raw = write_string(kind) + write_string(key.sign(told)) + tail
        fields = b"".join(map(write_string, (blob, NAMESPACE.encode(), b"", b"sha512", raw)))
        text = base64.b64encode(b"SSHSIG" + struct.pack(">I", 1) + fields).decode()
        return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"

    believers = Believers({"sean": (line,)})
    assert verify(tmp_path, line, touch(1), CONTENT)
    assert believers.find_person(touch(1), CONTENT, NAMESPACE) == "sean"
    with pytest.raises(SignatureError, match="not right"):
        believers.find_person(touch(0), CONTENT, NAMESPACE)


def test_every_cut_of_a_signature_is_refused() -> None:
    sean = Person("sean")
    believers = Believers({"sean": (sean.line,)})
    lines = sean.signer.sign(CONTENT).strip().splitlines()
    blob = base64.b64decode("".join(lines[1:-1]))
    for end in range(len(blob)):
        text = base64.b64encode(blob[:end]).decode()
        with pytest.raises(SignatureError):
            believers.find_person("\n".join((lines[0], text, lines[-1])), CONTENT, NAMESPACE)


def test_a_key_that_is_none_believes_nobody() -> None:
    believers = Believers({"sean": ("", "ssh-ed25519", "ssh-ed25519 !!", "ssh-rsa AAAA", "ssh-ed25519 AAAAAAA=")})
    with pytest.raises(SignatureError, match="may not sign"):
        believers.find_person(Person("sean").signer.sign(CONTENT), CONTENT, NAMESPACE)
