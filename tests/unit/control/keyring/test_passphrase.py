"""Which new passphrases are taken, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control.keyring.quick import ANNA, SEAN, made_keyring, quick_keyring

from homeprod.control.keyring.errors import UnfitPassphraseError
from homeprod.control.keyring.hidden import Covered, Hidden
from homeprod.control.keyring.passphrase import estimate_bits, read_new_passphrase, read_passphrase
from homeprod.control.keyring.secrets import make_secrets

NAMES = ["sean", "lab-ansible", "lab"]
GOOD = [
    "sieben blaue katzen tanzen leise",
    "zwölf grüne Uhren gehen rückwärts",
    "correct horse battery staple",
    "kX8#vQ2!mZ4w",
    "vjrkqzpwmhtd",
    "  drei kleine   bären  ",
    "七匹の青い猫がとても静かに踊る",
]
WEAK = [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababababab",
    "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890",
    "password1234",
    "Password1234!",
    "P@ssw0rd1234!!",
    "qwertyqwertyqwerty",
    "changemechangeme",
    "seanseanseansean",
    "lab-ansible-sean",
    "homeprod-ansible-proxmox-2026",
    "            ",
    "1029384756",
]


def _read(text: str) -> Hidden:
    return read_new_passphrase(Covered(text.encode()), NAMES)


@pytest.mark.parametrize("text", GOOD)
def test_good_ones(text: str) -> None:
    assert _read(text).reveal() == text


@pytest.mark.parametrize("text", WEAK)
def test_weak_ones(text: str) -> None:
    with pytest.raises(UnfitPassphraseError, match="the passphrase is too weak") as caught:
        _read(text)
    assert "five or more words" in caught.value.hint
    assert text not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the passphrase is empty"),
        (b"sieben blaue k\xe4tzchen tanzen leise", "the passphrase is not UTF-8 text"),
        (b"\xff\xfe\x00\x00", "the passphrase is not UTF-8 text"),
        (b"zu kurz", "the passphrase is too weak: 7 characters, and 12 are the least"),
        (b"sieben blaue\nkatzen tanzen leise", "cannot be typed everywhere"),
        (b"sieben blaue\x00katzen tanzen leise", "cannot be typed everywhere"),
        ("sieben blaue\u00a0katzen tanzen leise".encode(), "cannot be typed everywhere"),
    ],
)
def test_unfit_ones(raw: bytes, words: str) -> None:
    with pytest.raises(UnfitPassphraseError, match=words) as caught:
        read_new_passphrase(Covered(raw))
    assert caught.value.hint


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe"])
def test_to_open_with(raw: bytes, tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    with pytest.raises(UnfitPassphraseError):
        keyring.open("sean", raw)
    for verb in (
        lambda: keyring.add_administrator(secrets, "anna", raw),
        lambda: keyring.change_passphrase("sean", SEAN, raw),
        lambda: quick_keyring(tmp_path / "keyring").create(make_secrets("n", ["lab"]), "anna", raw),
    ):
        with pytest.raises(UnfitPassphraseError):
            verb()
    assert keyring.open("sean", SEAN).serial == 1


def test_one_that_is_weak_opens_what_it_sealed() -> None:
    """The rules may become stricter; nobody is locked out by that."""
    assert read_passphrase(Covered(b"weak")).reveal() == "weak"


@settings(max_examples=50)
@given(st.text())
def test_the_estimate_never_stumbles(text: str) -> None:
    assert 0 <= estimate_bits(Hidden(text), NAMES) <= 8 * len(text) + 1


@pytest.mark.parametrize("seed", range(100))
def test_what_a_machine_draws_is_taken(seed: int) -> None:
    random = Random(seed)  # noqa: S311  # the same ones every time
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    assert read_new_passphrase(Covered("".join(random.choice(letters) for _ in range(20)).encode()))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8), st.integers(3, 8))
def test_repeating_adds_little(word: str, times: int) -> None:
    once, often = estimate_bits(Hidden(word)), estimate_bits(Hidden(word * times))
    assert often <= once + len(word) * times + 6


def test_a_name_counts_as_a_word() -> None:
    text = "lieselotte-kXvQmZ"
    assert estimate_bits(Hidden(text), ["lieselotte"]) < estimate_bits(Hidden(text)) - 20


def test_umlauts_go_in_and_out(tmp_path: Path) -> None:
    keyring, secrets, _ = made_keyring(tmp_path)
    keyring.add_administrator(secrets, "anna", bytearray(ANNA))
    assert keyring.open("anna", ANNA).serial == 2
