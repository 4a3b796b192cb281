"""``homeprod control page``: a link to the node's page, which lets one browser in, once.

It is printed and never opened from here: a browser would be given it as an argument, which every user of this machine
can read.
"""

from __future__ import annotations

import argparse
import hashlib
import ssl

from homeprod.cli import render
from homeprod.cli.control.line import open_line
from homeprod.core.overview.age import tell_age


def run(options: argparse.Namespace) -> int:
    with open_line(options) as (node, door):
        told = door.post("/api/links")
    link, fingerprint = f"{door.url}{told['path']}", find_fingerprint(door.certificate_pem)
    if options.json:
        render.print_json({"format": 1, "link": link, "seconds": told["seconds"], "certificate": fingerprint})
        return 0
    render.print_line(link)
    render.say(
        f"it opens once, for {told['person']}, within {tell_age(told['seconds'])}: paste it into a browser's address"
        f" bar.\nThe browser does not know {node}'s certificate; it is the right one where its SHA-256 is\n\n"
        f"  {fingerprint}"
    )
    return 0


def find_fingerprint(certificate_pem: str) -> str:
    """SHA-256 of the whole certificate, as browsers show it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate_pem.strip())).hexdigest().upper()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))
