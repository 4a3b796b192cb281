"""The site's own authority: made by a person, kept sealed, and used for runs that are open, without its key ever
leaving the keyholder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from tests.keyholder_node import PASSPHRASE, Disk, KeyholderNode
from tests.made_certificates import make_key, make_request
from tests.system.canary import Canary, Search, list_family

from homeprod.control.certificates.own import have_signed
from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.watch import KeyholderWatch
from homeprod.control.keyring.keyring import Keyring
from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import Chain

pytestmark = pytest.mark.slow
KEY = make_key()
T = TypeVar("T")


def _watch(node: KeyholderNode, ask: Callable[[KeyholderWatch], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(ask(KeyholderWatch(node.places.daemon_socket)))


def open_run(node: KeyholderNode, environment: str = "lab") -> str:
    return _watch(node, lambda watch: watch.open_run(environment, "7", os.geteuid()))


def _make(node: KeyholderNode, environment: str = "lab", *zones: str) -> str:
    answer = node.ask(
        "make-authority", environment=environment, zones=list(zones or ("home.arpa",)), passphrase=PASSPHRASE
    )
    return str(answer.fields["public"]["authorities"][environment])


def _sign(node: KeyholderNode, nonce: str, name: str = "nas.home.arpa", environment: str = "lab") -> Chain:
    path = str(node.places.authority_socket(environment))
    return Chain.parse(have_signed(make_request(KEY, name), path, nonce))


def test_a_run_has_its_request_signed_while_it_is_open(node: KeyholderNode) -> None:
    node.make_ready()
    root = Chain.parse(_make(node).encode()).leaf
    nonce = open_run(node)
    chain = _sign(node, nonce)
    assert chain.names == {"nas.home.arpa"}
    chain.certificates[1].verify_directly_issued_by(root)
    assert _watch(node, lambda watch: watch.close_run(nonce))
    with pytest.raises(CertificateError, match="this is none"):
        _sign(node, nonce)


def test_a_run_of_one_environment_is_not_served_by_another_ones(node: KeyholderNode) -> None:
    node.make_ready()
    _make(node, "prod")
    nonce = open_run(node, "lab")
    with pytest.raises(CertificateError, match="this is none"):
        _sign(node, nonce, environment="prod")
    with pytest.raises(CertificateError, match="lab has no authority of its own") as caught:
        _sign(node, nonce)
    assert "homeprod control authority make lab ZONE" in caught.value.hint


def test_what_it_may_not_sign_is_said_to_the_run(node: KeyholderNode) -> None:
    node.make_ready()
    _make(node)
    nonce = open_run(node)
    with pytest.raises(CertificateError, match=r"bank\.example lies outside"):
        _sign(node, nonce, "bank.example")
    with pytest.raises(CertificateError, match="no request for a certificate"):
        have_signed(b"-----BEGIN", str(node.places.authority_socket("lab")), nonce)
    _sign(node, nonce)


def test_locked_it_signs_nothing_and_unlocked_it_is_the_same_one(node: KeyholderNode) -> None:
    node.start()
    root = _make(node)
    with pytest.raises(CertificateError, match="the keyholder does not sign"):
        _sign(node, "x")
    public = node.ask("unlock", passphrase=PASSPHRASE).fields["public"]
    assert public["authorities"] == {"lab": root}
    chain = _sign(node, open_run(node))
    chain.certificates[1].verify_directly_issued_by(Chain.parse(root.encode()).leaf)


def test_another_one_takes_its_place_at_once(node: KeyholderNode) -> None:
    node.make_ready()
    first, nonce = _make(node), open_run(node)
    second = _make(node, "lab", "home.arpa", "lan.example")
    assert first != second
    issuer = _sign(node, nonce, "tv.lan.example").certificates[1]
    issuer.verify_directly_issued_by(Chain.parse(second.encode()).leaf)


def test_its_key_is_sealed_and_said_nowhere(node: KeyholderNode) -> None:
    node.make_ready()
    _make(node)
    _sign(node, open_run(node))
    name = next(iter(Keyring(node.places.keyring_folder).administrators()))
    kept = Keyring(node.places.keyring_folder).open(name, PASSPHRASE).authority("lab")
    assert kept is not None
    secret = bytes(kept).split(b"\n")[1]
    said = [node.log, *(file for file in node.folder.rglob("*") if file.is_file())]
    assert [file for file in said if secret in file.read_bytes()] == []
    assert secret.decode() not in node.log.read_text()


def test_its_zones_are_names_and_its_environment_has_keys(node: KeyholderNode, disk: Disk) -> None:
    node.start()
    for zones, words in ((["a b"], "holds a space"), ([7], "must be a text"), ("x", "needs a zone"), ([], "a zone")):
        with pytest.raises(KeyholderError, match=words):
            node.ask("make-authority", environment="lab", zones=zones, passphrase=PASSPHRASE)
    with pytest.raises(KeyholderError, match="no keys of staging") as caught:
        node.ask("make-authority", environment="staging", zones=["home.arpa"], passphrase=PASSPHRASE)
    assert "homeprod control secret add staging" in caught.value.hint
    assert node.ask("unlock", passphrase=PASSPHRASE).fields["public"] == disk.public


def test_a_rotation_of_all_leaves_it_and_who_is_removed_is_told_that_they_could_read_it(node: KeyholderNode) -> None:
    node.start()
    root = _make(node)
    for step in ("begin", "finish"):
        public = node.ask("rotate", what="all", step=step, passphrase=PASSPHRASE).fields["public"]
    assert public["authorities"] == {"lab": root}
    keyring = Keyring(node.places.keyring_folder)
    assert "lab/authority" in keyring.open(keyring.administrators()[0], PASSPHRASE).names()


def _read_kept(node: KeyholderNode) -> bytes:
    keyring = Keyring(node.places.keyring_folder)
    kept = keyring.open(keyring.administrators()[0], PASSPHRASE).authority("lab")
    assert kept is not None
    return bytes(kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads a process that is not dumpable")
def test_memory_has_the_one_that_is_in_force_and_nothing_of_those_before(node: KeyholderNode) -> None:
    node.make_ready()
    _make(node)
    before = _read_kept(node)
    _sign(node, open_run(node))
    _make(node)
    now = _read_kept(node)
    _sign(node, open_run(node))
    search = Search([Canary("before", before.splitlines()[2]), Canary("now", now.splitlines()[2])])
    assert node.process is not None
    found = search.find_in_processes(list_family(node.process.pid))
    assert {(one.canary, one.form) for one in found} == {("now", "plain")}
