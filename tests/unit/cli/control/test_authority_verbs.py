"""`homeprod control authority`, as a person types it on the node."""

from __future__ import annotations

import pytest
from tests.keyholder_node import PASSPHRASE, KeyholderNode
from tests.unit.cli.control.person import Person

from homeprod.network.certificates.authority import list_zones
from homeprod.network.certificates.chain import Chain

pytestmark = pytest.mark.slow


def _read_root(seen: str) -> Chain:
    return Chain.parse(seen.replace("\r\n", "\n").encode())


def test_a_person_makes_one_shows_its_root_and_is_asked_before_another_takes_its_place(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "authority show lab")
    assert person.end() == 1
    assert "error: lab has no authority of its own" in person.seen
    person = Person(node, "authority make lab home.arpa lan.example")
    person.answer("your passphrase: ", PASSPHRASE)
    assert person.end() == 0
    root = _read_root(person.seen)
    assert list_zones(root.leaf) == ["home.arpa", "lan.example"]
    assert "PRIVATE KEY" not in person.seen
    person = Person(node, "authority show lab")
    assert person.end() == 0
    assert _read_root(person.seen) == root
    person = Person(node, "authority make lab home.arpa")
    person.answer("make another one in its place? [yes/no] ", "no")
    assert person.end() == 1
    assert "refused by every client that was not given" in person.seen


def test_a_zone_that_is_none_is_said_before_anybody_types(node: KeyholderNode) -> None:
    node.start()
    person = Person(node, "authority make lab home_arpa")
    assert person.end() == 64
    assert "holds an underscore, which no host name has" in person.seen
    assert "passphrase" not in person.seen
