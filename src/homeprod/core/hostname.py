"""Host names as DNS and TLS have them, and patterns of them as nginx takes them.

Both are text that was looked at once: lower case, in A-form, without a trailing dot. Whoever holds one may write it
into a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from string import ascii_lowercase, ascii_uppercase

LONGEST = 253
"""RFC 1035, section 2.3.4: 255 octets on the wire, of which two are not the name's text."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WORDS = {"\0": "a NUL", " ": "a space", '"': "a quote", "'": "a quote", ";": "a semicolon", "_": "an underscore"}
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class HostName(str):
    """One name; ``parse`` alone makes them."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> HostName:
        """Raises ValueError with what is wrong. An internationalised name may be in either form: it is mapped as
        browsers do (UTS 46, not transitional), must then be valid by IDNA 2008, and is kept in its A-form."""
        return cls(_parse(text))


class NamePattern(str):
    """One exact name, or ``*.zone``: every name below the zone, however deep, but not the zone itself."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> NamePattern:
        """Raises ValueError with what is wrong."""
        if isinstance(text, str) and text.startswith("*."):
            zone = _parse(text[2:])
            if len(zone) + 2 > LONGEST:
                raise ValueError(_tell_length(text))
            return cls(f"*.{zone}")
        if isinstance(text, str) and "*" in text:
            raise ValueError(f"{_show(text)}: a star stands for the whole first label, and nowhere else: *.zone")
        return cls(_parse(text))

    @property
    def is_wildcard(self) -> bool:
        return self.startswith("*.")

    @property
    def zone(self) -> str:
        """What stands behind the star; of an exact name the name."""
        return self[2:] if self.is_wildcard else str(self)

    def matches(self, name: str) -> bool:
        """Whether nginx finds the folded name by it."""
        return name.endswith(self[1:]) if self.is_wildcard else name == self

    def covers(self, other: str) -> bool:
        """Whether a certificate with this name is good for all that the other pattern stands for. In a certificate a
        star is one label (RFC 9525, section 6.3), so that none but itself is good for a wildcard."""
        label, _, zone = other.partition(".")
        return self == other or (self.is_wildcard and zone == self.zone and label not in ("", "*"))


def fold(name: str) -> str:
    """As nginx takes a name that a client sent: ASCII in lower case, and one trailing dot off (ngx_hash_strlow;
    ``hostnames`` of ngx_stream_map_module)."""
    return name.translate(_LOWER).removesuffix(".")


def pick(patterns: Iterable[NamePattern], name: str) -> NamePattern | None:
    """The pattern that nginx finds a folded name by: the exact one, else the longest wildcard
    (ngx_hash_find_combined)."""
    found = [pattern for pattern in patterns if pattern.matches(name)]
    return max(found, key=lambda pattern: (not pattern.is_wildcard, len(pattern)), default=None)


def _parse(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("a name must be a text")
    _refuse_address(text, text)
    _refuse_signs(text)
    if len(text) > LONGEST + 1:
        raise ValueError(_tell_length(text))
    name = text.lower().removesuffix(".")
    if not name.isascii() or "xn--" in name:
        name = _encode(name)
    _refuse_address(text, name)
    if len(name) > LONGEST:
        raise ValueError(_tell_length(text))
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{_show(text)}: {_explain_label(label)}")
    return name


def _refuse_signs(text: str) -> None:
    for sign in text:
        if sign == "*":
            raise ValueError(f"{_show(text)}: a star stands for the whole first label, and nowhere else: *.zone")
        if sign in _WORDS:
            raise ValueError(f"{_show(text)} holds {_WORDS[sign]}, which no host name has")
        if not sign.isprintable() or (sign.isascii() and not sign.isalnum() and sign not in "-."):
            raise ValueError(f"{_show(text)} holds {sign!r}, which no host name has")


def _refuse_address(text: str, name: str) -> None:
    """A last label of digits alone makes every browser read an address (WHATWG URL, "ends in a number")."""
    if name.rpartition(".")[2].isdecimal() or _is_address(text):
        raise ValueError(f"{_show(text)} is an address, and a name is wanted")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _encode(name: str) -> str:
    import idna  # takes its time, and most sites have no such name

    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{_show(name)} is no internationalised name: {error}") from None


def _explain_label(label: str) -> str:
    if not label:
        return "no label between two dots, or none at all"
    if len(label) > 63:
        return f"a label has 63 characters at most, and one has {len(label)}"
    return f"no label begins or ends with -, as {label} does"


def _tell_length(text: str) -> str:
    return f"{_show(text)}: a name has {LONGEST} characters at most, and this has {len(text)}"


def _show(text: str) -> str:
    """A person recognises it by its beginning; nothing of it moves their cursor."""
    return repr(text if len(text) <= 60 else f"{text[:40]}…")
