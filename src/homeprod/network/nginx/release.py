"""Releases: what the nginx of a target understands. A directive that it does not know stops all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """``nginx`` and ``openssl`` as the distribution ships them, major and minor."""

    nginx: tuple[int, int]
    openssl: tuple[int, int]

    @property
    def has_http2_directive(self) -> bool:
        """``http2 on``, from nginx 1.25.1 on; before it is said where it listens (ngx_http_v2_module)."""
        return self.nginx >= (1, 26)

    @property
    def curves(self) -> str:
        """Mozilla's, with the hybrid X25519MLKEM768 where OpenSSL knows it (3.5); others refuse the whole list."""
        hybrid = ("X25519MLKEM768",) if self.openssl >= (3, 5) else ()
        return ":".join((*hybrid, "X25519", "prime256v1", "secp384r1"))
