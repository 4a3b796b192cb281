"""Which passphrases are taken for a new one, and why not.

The estimate is small on purpose: it refuses what falls first to a list of common passwords and their usual turns, and
says what is better. age slows a guess down to about a second (scrypt); the rest is the passphrase's own strength.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from homeprod.control.keyring.errors import UnfitPassphraseError
from homeprod.control.keyring.hidden import Covered, Hidden

LEAST_LENGTH = 12
"""Characters."""
LEAST_BITS = 50
"""Of the estimate: at a second a guess and a thousand machines, some ten thousand years."""
_WORD_BITS = 6
"""What a word from the list adds; a guesser tries those first."""
_COMMON = """password passwort passphrase passwd kennwort geheim secret admin administrator root login letmein welcome
    willkommen qwertz qwerty qwert asdfgh asdf yxcvbn zxcvbn zxcv iloveyou dragon monkey master shadow sunshine
    princess football baseball superman batman trustno changeme default proxmox ansible homeprod keyring bootstrap
    unlock locked server debian linux ubuntu internet computer summer winter spring autumn sommer"""
_ADVICE = (
    "take five or more words that nobody would guess together, or at least"
    f" {LEAST_LENGTH} characters that a machine has drawn"
)


def read_passphrase(raw: Covered) -> Hidden:
    """The passphrase as text, byte for byte as `age` would read it. Raises UnfitPassphraseError where it is empty or
    not UTF-8."""
    if not raw:
        raise UnfitPassphraseError("the passphrase is empty", hint="type it once more")
    text = _decode(raw)
    if text is None:
        raise UnfitPassphraseError(
            "the passphrase is not UTF-8 text",
            hint="the terminal sends another encoding; use one with a UTF-8 locale",
        )
    return text


def read_new_passphrase(raw: Covered, names: Iterable[str] = ()) -> Hidden:
    """The same for one that is to protect something from now on; ``names`` (the person's, the node's) count as
    words that anybody guesses. Raises UnfitPassphraseError where it is too weak or `age` could not be given it."""
    passphrase = read_passphrase(raw)
    length = len(passphrase.reveal())
    if not passphrase.reveal().isprintable():
        raise UnfitPassphraseError(
            "the passphrase has a character that cannot be typed everywhere (a control character, or an odd space)",
            hint="a line break, a tab or a no-break space comes easily with a pasted text; " + _ADVICE,
        )
    if length < LEAST_LENGTH:
        raise UnfitPassphraseError(
            f"the passphrase is too weak: {length} characters, and {LEAST_LENGTH} are the least", hint=_ADVICE
        )
    bits = estimate_bits(passphrase, names)
    if bits < LEAST_BITS:
        raise UnfitPassphraseError(
            f"the passphrase is too weak: about {bits:.0f} bits, and {LEAST_BITS} are the least (words that everybody"
            " takes, rows, repetitions and names count for little)",
            hint=_ADVICE,
        )
    return passphrase


def estimate_bits(passphrase: Hidden, names: Iterable[str] = ()) -> float:
    """How many bits a guesser has to find out, roughly and rather too few than too many."""
    rest, words = _take_words(passphrase, [*_COMMON.split(), *(name.lower() for name in names if len(name) > 2)])
    pool = math.log2(_count_alphabet(rest) or 1)
    return words * _WORD_BITS + sum(1.0 if is_cheap else pool for is_cheap in _judge(rest))


def _take_words(passphrase: Hidden, words: list[str]) -> tuple[Hidden, int]:
    """What is left of it without the words, each replaced by a break, and how many they were."""
    # The usual turns (p@ssw0rd) are undone for the search alone; the length stays, so places do too.
    plain = Hidden(passphrase.reveal().lower().translate(str.maketrans("@4310$57!", "aaeiossti")))
    pattern = re.compile("|".join(map(re.escape, sorted(set(words), key=len, reverse=True))))
    if len(plain.reveal()) != len(passphrase.reveal()):  # lower() of a few letters is longer; then nothing is undone
        return passphrase, 0
    spans = [match.span() for match in pattern.finditer(plain.reveal())]
    kept = Hidden(
        "".join(
            letter
            for place, letter in enumerate(passphrase.reveal())
            if not any(start <= place < end for start, end in spans)
        )
    )
    return kept, len(spans)


def _count_alphabet(text: Hidden) -> int:
    """From how many characters one of these may have been drawn."""
    sets = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10))
    count = sum(size for holds, size in sets if any(holds(letter) for letter in text.reveal() if letter.isascii()))
    count += 33 * any(letter.isascii() and not letter.isalnum() for letter in text.reveal())
    return count + 64 * any(not letter.isascii() for letter in text.reveal())


def _judge(text: Hidden) -> list[bool]:
    """For each character whether it follows from those before it: the same again, the next in a row, or the end of a
    pair that was there already."""
    letters = text.reveal
    return [
        place > 0
        and (
            abs(ord(letters()[place]) - ord(letters()[place - 1])) <= 1
            or letters().find(letters()[place - 1 : place + 1]) < place - 1
        )
        for place in range(len(letters()))
    ]


def _decode(raw: Covered) -> Hidden | None:
    try:
        return Hidden(raw.decode())
    except UnicodeDecodeError:
        return None
