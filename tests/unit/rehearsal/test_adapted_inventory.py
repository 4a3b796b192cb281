"""The inventory as stand-ins have it: a revision's own, but for a person and who signs certificates."""

from __future__ import annotations

import pytest
import yaml
from tests.unit.rehearsal.home import EXAMPLES

from homeprod.core.errors import PromotionError
from homeprod.rehearsal.inventory import adapt_inventory, list_zones
from homeprod.site.people import Person

PERSON = Person(name="rehearsal", keys=("ssh-ed25519 AAAA",))
PEGASUS = (EXAMPLES / "pegasus-playbooks" / "site" / "inventory.yml").read_bytes()


def test_the_rehearsed_host_has_a_person_more_and_certificates_that_somebody_signs() -> None:
    before, after = yaml.safe_load(PEGASUS), yaml.safe_load(adapt_inventory(PEGASUS, ["prod-proxy"], PERSON, "x"))
    told = after["all"]["hosts"].pop("prod-proxy")
    own = before["all"]["hosts"].pop("prod-proxy")
    assert after == before, "all others are as they were"
    assert told["homeprod_people"] == [
        *own["homeprod_people"],
        {"name": "rehearsal", "keys": ["ssh-ed25519 AAAA"], "sudo": True},
    ]
    assert {one["by"] for one in told["homeprod_certificates"]} == {"site-ca"}
    assert [one["names"] for one in told["homeprod_certificates"]] == [
        one["names"] for one in own["homeprod_certificates"]
    ]


def test_zones_are_those_that_an_authority_signs_for() -> None:
    adapted = adapt_inventory(PEGASUS, ["prod-proxy"], PERSON, "x")
    assert list_zones(adapted, ["prod-proxy"]) == ["collabora.home.pegasuspad.com", "pegasuspad.com"][1:]
    assert list_zones(adapted, ["prod-proxy-passthrough"]) == []


def test_a_host_that_is_written_in_a_group_is_found() -> None:
    text = b"all: {children: {a: {children: {b: {hosts: {x: {homeprod_people: []}, y: }}}}}}\n"
    told = yaml.safe_load(adapt_inventory(text, ["x", "y"], PERSON, "x"))
    hosts = told["all"]["children"]["a"]["children"]["b"]["hosts"]
    assert [one["name"] for one in hosts["x"]["homeprod_people"]] == ["rehearsal"]
    assert not hosts["y"]


@pytest.mark.parametrize("text", [b"[", b"- a\n", b"all: {hosts: [a]}\n", b"all: !odd {}\n", b"\xff", b""])
def test_what_no_control_node_would_read_is_said(text: bytes) -> None:
    with pytest.raises(PromotionError, match=r"site/inventory\.yml is not as homeprod writes it"):
        adapt_inventory(text, ["x"], PERSON, "x")
