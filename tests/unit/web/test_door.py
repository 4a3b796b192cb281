"""What the door opens with, and what keeps it shut."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from tests.door import OpenDoor, make_settings, make_wish

from homeprod.control.certificate import make_certificate
from homeprod.control.places import Places
from homeprod.control.settings import KeyOwner
from homeprod.core.errors import ControlError
from homeprod.web.access import name_address
from homeprod.web.door import make_context, open_door
from homeprod.web.limit import MOST_CALLERS, Buckets, Rate
from homeprod.web.signature import Guard


def test_nothing_older_than_tls_1_2(tmp_path: Path) -> None:
    places = Places.below(tmp_path)
    make_certificate(places.tls, "lab-ansible")
    assert make_context(places).minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="cannot use the door's certificate"):
        make_context(Places.below(tmp_path))


def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    places = Places.below(tmp_path)
    make_certificate(places.tls, "lab-ansible")
    with socket.create_server(("", 0)) as taken, OpenDoor(tmp_path / "other") as door:
        settings = make_settings({}, {}).model_copy(update={"port": taken.getsockname()[1]})
        door.node.known = settings

        async def enter() -> None:
            async with open_door(door.node, places):
                pytest.fail("it opened")

        with pytest.raises(ControlError, match="cannot open the door") as caught:
            asyncio.run(enter())
        assert "ss -ltnp" in caught.value.hint


def test_keys_that_are_no_ed25519_keys_are_passed_over(tmp_path: Path) -> None:
    with OpenDoor(tmp_path) as door:
        odd = tuple(
            KeyOwner(person="odd", key=key) for key in ("", "ssh-rsa AAAA", "ssh-ed25519 AAAA", "ssh-ed25519")
        )
        door.node.known = door.settings.model_copy(update={"ringers": (*odd, *door.settings.ringers)})
        assert door.ring(make_wish()).status == 202


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "?"),
    ],
)
def test_addresses_by_whom_they_belong_to(remote: str, name: str) -> None:
    assert name_address(remote) == name


def test_a_bucket_is_filled_again() -> None:
    time = 0.0
    buckets = Buckets(Rate(0.5, 2), lambda: time)
    assert [buckets.take("a"), buckets.take("a"), buckets.take("a"), buckets.take("b")] == [0, 0, 2, 0]
    time = 1.0
    assert buckets.take("a") == 1
    time = 2.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 2]


def test_callers_are_forgotten_and_memory_is_bounded() -> None:
    buckets = Buckets(Rate(1, 2), lambda: 0.0)
    for number in range(MOST_CALLERS + 100):
        buckets.take(str(number))
    assert len(buckets._callers) == MOST_CALLERS


def test_an_id_is_known_for_as_long_as_its_time_can_be_good() -> None:
    """From the future, so good for ten minutes; and a clock that is set back brings nothing back."""
    wall, steady = 1000.0, 0.0
    guard = Guard(lambda: wall, lambda: steady)
    assert guard.is_timely(1300)
    assert guard.take("msg_a")
    wall, steady = 1600.0, 600.0
    assert guard.is_timely(1300)
    assert not guard.take("msg_a")
    wall, steady = 100.0, 601.0
    assert not guard.take("msg_a")
    steady = 1202.0
    assert guard.take("msg_b")
    assert set(guard._seen) == {"msg_b"}
