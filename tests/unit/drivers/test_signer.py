"""Whose key signs, and what becomes of keys that cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.door import make_id, make_key, write_private, write_public

from homeprod.core.errors import UsageError
from homeprod.core.webhook import signed_content
from homeprod.drivers.signer import open_signer
from homeprod.drivers.sshagent import SshAgent

CONTENT = signed_content(make_id(), 1_700_000_000, b"{}")


def add(agent: str, file: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(file)], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)


def keep(folder: Path, key: Ed25519PrivateKey, name: str = "key") -> Path:
    file = folder / name
    file.write_bytes(write_private(key))
    file.chmod(0o600)
    return file


def make(folder: Path, *arguments: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-f", str(folder / "made"), *arguments], check=True)
    return folder / "made"


def keep_text(file: Path) -> Path:
    file.write_text("no key at all\n")
    return file


def protect(file: Path, key: Ed25519PrivateKey) -> Path:
    protection = BestAvailableEncryption(b"a passphrase")
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    return file


def test_an_agent_signs_with_the_key_that_the_site_knows(agent: str, tmp_path: Path) -> None:
    key, other = make_key(), make_key()
    for number, one in enumerate((other, key)):
        add(agent, keep(tmp_path, one, f"key-{number}"))
    signer = open_signer({f"{write_public(key)} sean@desk": "sean"}, [], agent, outside=tmp_path / "site")
    assert signer.person == "sean"
    key.public_key().verify(signer.sign(CONTENT), CONTENT)


def test_a_key_file_signs(tmp_path: Path) -> None:
    key = make_key()
    files = [tmp_path / "missing", keep(tmp_path, make_key(), "other"), keep(tmp_path, key)]
    signer = open_signer({write_public(key): "sean"}, files, "", outside=tmp_path / "site")
    key.public_key().verify(signer.sign(CONTENT), CONTENT)
    assert "PRIVATE" not in repr(signer)


def test_a_key_file_of_openssl_signs(tmp_path: Path) -> None:
    file = tmp_path / "ring.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(file)], check=True, capture_output=True
    )
    file.chmod(0o600)
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    signer = open_signer({write_public(key): "sean"}, [file], "", outside=tmp_path / "site")
    key.public_key().verify(signer.sign(CONTENT), CONTENT)


def test_only_messages_are_signed(agent: str, tmp_path: Path) -> None:
    """A login's blob begins with a length (RFC 4252 §7), what `ssh-keygen -Y sign` signs with SSHSIG."""
    key = make_key()
    file = keep(tmp_path, key)
    add(agent, file)
    login = b"\0\0\0\x20" + b"s" * 32 + b"\x32\0\0\0\x04sean\0\0\0\x0essh-connection"
    for where, files in ((agent, []), ("", [file])):
        signer = open_signer({write_public(key): "sean"}, files, where, outside=tmp_path / "site")
        for foreign in (b"", b"SSHSIG\0\0\0\x04git", login, b"msg_0123456789abcdef", b"msg_0123.1."):
            with pytest.raises(ValueError, match="only messages"):
                signer.sign(foreign)


def test_what_is_signed_is_nothing_that_ssh_would_take() -> None:
    assert not CONTENT.startswith(b"SSHSIG")
    assert int.from_bytes(CONTENT[:4], "big") > 1_000_000_000  # as a login's session id it would be that long


def test_a_person_whose_only_key_is_rsa(agent: str, tmp_path: Path) -> None:
    file = make(tmp_path, "-t", "rsa", "-b", "2048", "-N", "")
    add(agent, file)
    public = file.with_suffix(".pub").read_text()
    with pytest.raises(UsageError, match="nobody of the site has an ed25519 key to ring with") as caught:
        open_signer({public: "sean"}, [file], agent, outside=tmp_path / "site")
    assert "ssh-keygen -t ed25519" in caught.value.hint
    keys = {write_public(make_key()): "sean"}
    with pytest.raises(UsageError, match="the ssh-agent holds 1 other ssh-rsa key"):
        open_signer(keys, [], agent, outside=tmp_path / "site")
    with pytest.raises(UsageError, match="is of the kind RSA"):
        open_signer(keys, [file], "", outside=tmp_path / "site")


def test_no_key_at_all(tmp_path: Path) -> None:
    keys = {write_public(make_key()): "sean"}
    for agent in ("", str(tmp_path / "nobody.sock")):
        with pytest.raises(UsageError, match="neither an ssh-agent nor a key file") as caught:
            open_signer(keys, [], agent, outside=tmp_path / "site")
        assert caught.value.hint.startswith(
            'start an agent, and load one of them\n\n  eval "$(ssh-agent)"\n  ssh-add'
        )
        assert "HOMEPROD_RING_KEY" in caught.value.hint


def test_key_files_that_may_not_be_used(tmp_path: Path) -> None:
    key, site = make_key(), tmp_path / "site"
    site.mkdir()
    keys = {write_public(key): "sean"}
    for file, mode, words in (
        (keep(tmp_path, key, "open"), 0o644, "can be read by others"),
        (keep(site, key, "inside"), 0o600, "lies in the site"),
        (make(tmp_path, "-t", "ed25519", "-N", "a passphrase"), 0o600, "is protected by a passphrase"),
        (tmp_path / "made.pub", 0o600, "is the public half of a key"),
        (tmp_path / "made.pub", 0o644, "is the public half of a key"),
        (keep_text(tmp_path / "words"), 0o644, "is no private key as OpenSSH or openssl writes one"),
        (protect(tmp_path / "made.pem", key), 0o600, "is protected by a passphrase"),
    ):
        file.chmod(mode)
        with pytest.raises(UsageError, match=words):
            open_signer(keys, [file], "", outside=site)
    with pytest.raises(UsageError, match="is the public half of a key") as caught:
        open_signer(keys, [tmp_path / "made.pub"], "", outside=site)
    assert caught.value.hint.endswith(f"export HOMEPROD_RING_KEY={tmp_path / 'made'}")
    broken = tmp_path / "broken"
    broken.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    broken.chmod(0o600)
    with pytest.raises(UsageError, match="is no private key"):
        open_signer(keys, [broken], "", outside=site)


def test_an_agent_that_refuses(agent: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it refused"):
        SshAgent(agent).sign(b"no such key", CONTENT)
