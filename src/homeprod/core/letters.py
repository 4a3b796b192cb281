"""Letters of internationalised names: which of them look like others."""

from __future__ import annotations

import unicodedata

_LOOKALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Scripts whose letters pass for Latin ones. Beside Latin in one label they are a mistake, or meant to deceive (UTS
39, section 5); Japanese with Latin is neither."""


def show_letters(name: str) -> str:
    """The name as people write it (U-form)."""
    import idna  # takes its time, and most sites have no such name

    labels = (idna.decode(label) if label.startswith("xn--") else label for label in name.split("."))
    return ".".join(labels)


def find_mixed(name: str) -> str:
    """The first letter of another script than the Latin ones beside it in its label; empty where there is none."""
    labels = show_letters(name).split(".") if "xn--" in name else []
    return next((sign for label in labels if _is_latin(label) for sign in label if _is_lookalike(sign)), "")


def tell_letter(sign: str) -> str:
    """What Unicode calls it, such as ``Cyrillic small letter a``."""
    return unicodedata.name(sign, "letter without a name").capitalize()


def _is_latin(label: str) -> bool:
    return any(unicodedata.name(sign, "").startswith("LATIN") for sign in label)


def _is_lookalike(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith(_LOOKALIKE)
