"""What is sealed under a passphrase is an age file like any other, and costs what it should."""

from __future__ import annotations

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeprod.control.keyring import scrypt
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.scrypt import LEAST_WORK, MOST_WORK, choose_work, seal_with_passphrase
from homeprod.control.keyring.sealing import ScryptWrapping


@settings(max_examples=25)
@given(st.text(max_size=4000), st.text(min_size=1, max_size=60))
def test_pyrage_opens_it(text: str, passphrase: str) -> None:
    sealed = seal_with_passphrase(Hidden(text), Hidden(passphrase), 4)
    assert pyrage.passphrase.decrypt(sealed, passphrase) == text.encode()
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(sealed, passphrase + "x")


def test_every_bit_of_it_counts() -> None:
    sealed = seal_with_passphrase(Hidden("AGE-SECRET-KEY-1"), Hidden("passphrase"), 4)
    for place in range(len(sealed)):
        bent = sealed[:place] + bytes([sealed[place] ^ 1 << place % 8]) + sealed[place + 1 :]
        assert _open(bent) is None
    assert _open(sealed) == b"AGE-SECRET-KEY-1"


def _open(sealed: bytes) -> bytes | None:
    try:
        return bytes(pyrage.passphrase.decrypt(sealed, "passphrase"))
    except pyrage.DecryptError:
        return None


def test_nothing_is_the_same_twice() -> None:
    one, other = (seal_with_passphrase(Hidden("text"), Hidden("passphrase"), 4) for _ in range(2))
    assert len(one) == len(other)
    assert not any(line in other for line in one[40:].split(b"\n") if len(line) > 8)


@pytest.mark.parametrize(
    ("took", "work"),
    [(0.0001, MOST_WORK), (0.04, MOST_WORK), (0.1, LEAST_WORK + 3), (0.6, LEAST_WORK), (30.0, LEAST_WORK)],
)
def test_the_work_is_a_second_within_bounds(took: float, work: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5.0, 5.0 + took])
    monkeypatch.setattr(scrypt.time, "thread_time", lambda: next(clock))
    assert choose_work() == work


def test_a_wrapped_identity_says_how_much_work_it_is() -> None:
    sealed = ScryptWrapping().wrap(Hidden("AGE-SECRET-KEY-1"), Hidden("passphrase"))
    words = sealed.split(b"\n")[1].split(b" ")
    assert words[:2] == [b"->", b"scrypt"]
    assert LEAST_WORK <= int(words[3]) <= MOST_WORK
