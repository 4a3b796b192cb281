"""Messages as bytes: what is sent arrives, however it is cut, and nothing raw is left behind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeprod.control.keyholder.errors import KeyholderError, WireError
from homeprod.control.keyholder.sockets.refusal import describe, raise_refusal
from homeprod.control.keyholder.sockets.wire import LINE_LIMIT, RAW, RAW_LIMIT, Message, encode, receive
from homeprod.core.errors import ControlError

FIELDS = st.dictionaries(st.text().filter(lambda name: name not in RAW), st.text() | st.integers() | st.none())
RAWS = st.dictionaries(st.sampled_from(RAW), st.binary(max_size=200))


def feed(data: bytes, sizes: Iterator[int]) -> Message:
    """The message that comes in parts of these sizes."""
    filling = receive()
    room, sent = next(filling), 0
    while True:
        part = data[sent : sent + min(next(sizes), len(room))]
        room[: len(part)] = part
        sent += len(part)
        try:
            room = filling.send(len(part))
        except StopIteration as done:
            message: Message = done.value
            assert sent == len(data)
            return message


@given(FIELDS, RAWS, st.lists(st.integers(1, 300), min_size=1))
def test_what_is_sent_arrives_however_it_is_cut(
    fields: dict[str, object], raw: dict[str, bytes], cuts: list[int]
) -> None:
    def sizes() -> Iterator[int]:
        yield from cuts
        while True:
            yield 1 << 20

    message = feed(bytes(encode(fields, raw)), sizes())
    assert message.fields == fields
    assert message.raw == raw


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_one_clear_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert isinstance(swallow(data), Message)


def swallow(data: bytes) -> Message:
    """All at once, and then the end."""
    filling = receive()
    room, sent = next(filling), 0
    while True:
        part = data[sent : sent + len(room)]
        room[: len(part)] = part
        sent += len(part)
        try:
            room = filling.send(len(part))
        except StopIteration as done:
            message: Message = done.value
            return message


def test_raw_bytes_never_become_part_of_a_repr_and_are_zeroed() -> None:
    message = Message({"verb": "unlock"}, {"passphrase": bytearray(b"open sesame")})
    passphrase = message.raw["passphrase"]
    assert "sesame" not in repr(message)
    message.wipe()
    assert passphrase == bytes(11)


def test_what_was_received_is_zeroed_when_it_was_broken_off() -> None:
    filling = receive()
    room = next(filling)
    given_up = b'{"passphrase": 20}\nopen sesa'
    room[: len(given_up)] = given_up
    filling.send(len(given_up))
    filling.close()
    assert not any(room[: len(given_up)])


@pytest.mark.parametrize("name", ["passphrase", "content"])
def test_limits_hold_at_their_edge(name: str) -> None:
    line = json.dumps({"pad": "", name: RAW_LIMIT}).encode() + b"\n"
    filling = receive()
    room = next(filling)
    room[: len(line)] = line
    assert len(filling.send(len(line))) == RAW_LIMIT
    filling.close()
    filling = receive()
    room = next(filling)
    room[:] = b"x" * LINE_LIMIT
    with pytest.raises(WireError, match="too long"):
        filling.send(LINE_LIMIT)


def test_errors_cross_with_all_that_they_say_and_strange_ones_with_nothing_secret() -> None:
    with pytest.raises(KeyholderError, match="it went wrong") as caught:
        raise_refusal(Message(describe(ControlError("it went wrong", where="here", hint="do that"))))
    assert (caught.value.kind, caught.value.where, caught.value.hint) == ("ControlError", "here", "do that")
    with pytest.raises(KeyholderError, match="too many") as caught:
        raise_refusal(Message(describe(KeyholderError("too many", kind="BusyError"))))
    assert caught.value.kind == "BusyError"
    said = json.dumps(describe(ValueError("open sesame")))
    assert "sesame" not in said
    assert "ValueError" in said


@pytest.mark.parametrize("goes_on", [True, False], ids=["the other side ends", "nobody waits any more"])
def test_of_a_message_that_is_broken_off_nothing_secret_is_left(goes_on: bool) -> None:
    filling = receive()
    room = next(filling)
    begun = b'{"verb": "unlock", "passphrase": 30}\na canary'
    room[: len(begun)] = begun
    rest = filling.send(len(begun))
    assert b"a canary" in bytes(rest.obj), "where it is received"
    if goes_on:
        with pytest.raises(WireError, match="ended in the middle"):
            filling.send(0)
    else:
        filling.close()
    assert (bytes(rest.obj), b"canary" in bytes(room.obj)) == (bytes(30), False)
