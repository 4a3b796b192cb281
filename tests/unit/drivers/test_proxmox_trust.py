"""Certificates: always verified, and what does not fit is one clear error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fakepve.certs import make_cert
from tests.scripted_server import ScriptedServer
from tests.unit.drivers.conftest import Connect

from homeprod.core.errors import ProxmoxError, UsageError
from homeprod.drivers.proxmox import Trust, parse_fingerprint

OTHER = "AA:" * 31 + "AA"


def fingerprint_of(server: ScriptedServer) -> str:
    return parse_fingerprint(hashlib.sha256(server.certificate).hexdigest())


def test_the_right_ca_file(server: ScriptedServer, connect: Connect) -> None:
    connect(trust=Trust(server.ca_file)).get("/version")
    assert len(server.seen) == 1


def test_the_right_fingerprint_needs_no_ca(server: ScriptedServer, connect: Connect) -> None:
    connect(trust=Trust(fingerprint=fingerprint_of(server))).get("/version")
    assert len(server.seen) == 1


def test_a_wrong_fingerprint_names_both_and_sends_nothing(server: ScriptedServer, connect: Connect) -> None:
    with pytest.raises(ProxmoxError, match="not the pinned one") as caught:
        connect(trust=Trust(fingerprint=OTHER)).get("/version")
    assert f"pinned: {OTHER}" in caught.value.message
    assert f"found:  {fingerprint_of(server)}" in caught.value.message
    assert "pvenode cert info" in caught.value.hint
    assert caught.value.where == server.url
    assert server.seen == []


def test_the_systems_authorities_do_not_know_it(server: ScriptedServer, connect: Connect) -> None:
    with pytest.raises(ProxmoxError, match=r"against the system's certificate authorities: .*self-signed") as caught:
        connect(trust=Trust()).get("/version")
    assert fingerprint_of(server) in caught.value.message
    assert "pve-root-ca.pem" in caught.value.hint
    assert server.seen == []


def test_another_ca_file(server: ScriptedServer, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, _, _ = make_cert(str(tmp_path / "other"), hosts=("127.0.0.1",))
    with pytest.raises(ProxmoxError, match="against the CA file"):
        connect(trust=Trust(Path(other))).get("/version")
    assert server.seen == []


def test_a_certificate_for_another_name(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with ScriptedServer(tmp_path / "other", host="127.0.0.2") as server:
        with pytest.raises(ProxmoxError, match=r"not valid for '127\.0\.0\.2'"):
            connect(url=server.url, trust=Trust(server.ca_file)).get("/version")
        assert server.seen == []
        connect(url=server.url, trust=Trust(fingerprint=fingerprint_of(server))).get("/version")
        assert len(server.seen) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none(content: str | None, connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match="cannot use the CA file") as caught:
        connect(trust=Trust(file))
    assert caught.value.where == str(file)


def test_fingerprints() -> None:
    assert parse_fingerprint(OTHER.replace(":", "").lower()) == OTHER
    assert parse_fingerprint(f" {OTHER} ") == OTHER
    for text in ("", "AA:BB", "ZZ:" * 31 + "ZZ"):
        with pytest.raises(UsageError, match="not a sha256 fingerprint"):
            parse_fingerprint(text)
    with pytest.raises(UsageError, match=r"\(this is a sha1\)"):
        parse_fingerprint("AB:" * 19 + "AB")
