"""The line to a control node, for what is asked of it from the operator's machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.core.errors import UsageError
from homeprod.drivers.doorbell import Doorbell
from homeprod.site.configured import require_machine
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site
from homeprod.wiring.controlnode import choose_node, find_running
from homeprod.wiring.doorbell import find_signer, open_doorbell


@contextmanager
def open_line(
    options: argparse.Namespace, *, is_signed: bool = True, host: str = "", past_host: str = ""
) -> Iterator[tuple[str, Doorbell]]:
    """The node's name, and its door. Its certificate is read through the guest agent. ``host`` has to be a machine of
    the site; of ``past_host``, which may have left it, only a note is made. Raises HomeprodError."""
    site = load_site(find_root(options.site))
    if host:
        require_machine(site, host)
    if past_host:
        _note_absence(site, past_host)
    node = choose_node(site, options.node)
    with closing(connect(site, options)) as cluster:
        find_running(site, cluster, node)  # first: where it is not made, no key would help
        signer = find_signer(site, node, lab=options.lab) if is_signed else None
        yield node, open_doorbell(site, cluster, node, signer, lab=options.lab)


def _note_absence(site: Site, host: str) -> None:
    try:
        require_machine(site, host)
    except UsageError as error:
        render.say(f"note: {error.message} any more, or never had; {error.hint}")
