"""Releases: what the nginx of a target understands. A directive that it does not know stops all of it."""

from __future__ import annotations

from homeprod.network.nginx.template import Written
from homeprod.site.entry.place import Nginx


def has_http2_directive(release: Nginx) -> bool:
    """``http2 on``, from nginx 1.25.1 on; before it is said where it listens (ngx_http_v2_module)."""
    return release.version >= (1, 26)


def list_curves(release: Nginx) -> Written:
    """Mozilla's, with the hybrid X25519MLKEM768 where OpenSSL knows it (3.5). The question mark lets an OpenSSL from
    3.3 on do without a group that it lacks (SSL_CTX_set1_groups_list(3)); older ones would refuse the whole list."""
    hybrid = ("?X25519MLKEM768",) if release.openssl >= (3, 5) else ()
    return Written(":".join((*hybrid, "X25519", "prime256v1", "secp384r1")))
