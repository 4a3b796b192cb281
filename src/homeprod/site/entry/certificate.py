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
        return by

    @property
    def label(self) -> str:
        """Names its files: the first name, with ``_`` for a star; unique on its proxy."""
        return self.names[0].replace("*", "_")
