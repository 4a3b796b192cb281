"""The line to a control node, for what is asked of it from the operator's machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager

from homeprod.cli.connection import connect
from homeprod.drivers.doorbell import Doorbell
from homeprod.site.loader import find_root, load_site
from homeprod.wiring.controlnode import choose_node
from homeprod.wiring.doorbell import find_signer, open_doorbell


@contextmanager
def open_line(options: argparse.Namespace, *, is_signed: bool = True) -> Iterator[tuple[str, Doorbell]]:
    """The node's name, and its door. Its certificate is read through the guest agent. Raises HomeprodError."""
    site = load_site(find_root(options.site))
    node = choose_node(site, options.node)
    with closing(connect(site, options)) as cluster:
        signer = find_signer(site, node, lab=options.lab) if is_signed else None
        yield node, open_doorbell(site, cluster, node, signer, lab=options.lab)
