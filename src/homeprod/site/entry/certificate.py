"""Certificate: the names that a proxy can prove to be, and who says so."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from homeprod.core.hostname import NamePattern
from homeprod.site.declared import Declared
from homeprod.site.entry.fields import Names

Authority = Literal["dns-01", "http-01", "site-ca"]
MOST_NAMES = 100
"""What public authorities allow in one."""
_PRIVATE = ("internal", "local", "localhost", "invalid", "test", "home.arpa", "corp", "home", "lan", "localdomain")
"""Zones that the public DNS does not have: IANA's special-use names (RFC 6761, 6762, 8375; ICANN's `internal`), and
what routers call their LAN. Left out is `example`, which stands for a real one wherever something is explained."""


class Certificate(Declared):
    """``by`` says how it comes: from a public authority, which is shown a record in DNS (``dns-01``) or an answer on
    port 80 (``http-01``, RFC 8555, section 8), or from the site's own (``site-ca``), for names that are not public.
    Its key is the proxy's alone."""

    names: Names
    by: Authority

    @field_validator("names")
    @classmethod
    def _check_names(cls, names: tuple[NamePattern, ...]) -> tuple[NamePattern, ...]:
        if twice := next((one for one in names if names.count(one) > 1), None):
            raise ValueError(f"{twice} stands there twice")
        if len(names) > MOST_NAMES:
            raise ValueError(f"a certificate has {MOST_NAMES} names at most, and this has {len(names)}")
        return names

    @field_validator("by")
    @classmethod
    def _check_by(cls, by: Authority, info: ValidationInfo) -> Authority:
        """RFC 8555, section 8.3, with the CA/Browser Forum's rules: no wildcard is proven over http."""
        wildcard = next((one for one in info.data.get("names", ()) if one.is_wildcard), None)
        if by == "http-01" and wildcard is not None:
            raise ValueError(f"nobody certifies {wildcard} by http-01", 'write\n\n  by="dns-01"')
        for name in info.data.get("names", ()) if by != "site-ca" else ():
            _check_public(name)
        return by

    @property
    def label(self) -> str:
        """Names its files: the first name, with ``_`` for a star; unique on its proxy."""
        return self.names[0].replace("*", "_")


def _check_public(name: NamePattern) -> None:
    """CA/Browser Forum, Baseline Requirements, 3.2.2.6 and 7.1.2.7.12: no name outside of the public DNS, and no
    wildcard of a whole registry. Of those with several labels (co.uk) there are lists, which change."""
    message = f"no public authority certifies {name}"
    if name.is_wildcard and "." not in name.zone:
        raise ValueError(message, "a star needs a zone of your own behind it, such as *.example.net")
    if "." not in name or f".{name.zone}".endswith(tuple(f".{zone}" for zone in _PRIVATE)):
        raise ValueError(f"{message}, which the public DNS does not have", 'write\n\n  by="site-ca"')
