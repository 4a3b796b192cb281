"""What the hosts of an environment run now, as digests: what a revision is compared with."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from homeprod.cli import render
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.promotion.node import Node, open_node
from homeprod.core.errors import HomeprodError
from homeprod.core.overview.host import HostLine
from homeprod.promotion.candidates import Closures

UNKNOWN = "unknown"
"""In the place of a digest that nobody can tell: it equals none."""


def ask_applied(ground: Ground, options: argparse.Namespace) -> dict[str, str] | None:
    """Digests by host, of those that were configured; None where its control node cannot be asked, which is said."""
    try:
        with open_node(ground.site, ground.node, options) as node:
            return find_applied(ground, node)
    except HomeprodError as error:
        words = f"{ground.node} does not say what its hosts run: {error.message}"
        render.say(f"note: compared with {ground.head[:12] or 'nothing'}, since {words}")
        return None


def find_applied(ground: Ground, node: Node) -> dict[str, str]:
    """The same. The node tells digests where it has a gate; else they are found out, where these clones have both
    revisions. Raises ControlError."""
    hosts = [one for one in node.find_hosts().values() if one.environment == ground.environment.name]
    found = {one.name: one.applied.digest or UNKNOWN for one in hosts if one.applied.revision}
    pairs = {(one.applied.revision, one.applied.vault) for one in hosts if not one.applied.digest}
    for revision, vault in sorted(pairs):
        if ground.branches.has(revision) and ground.secrets.has(vault):
            [closures] = ground.find_closures(revision, vault=vault)
            found |= dict(_list_digests(hosts, revision, vault, closures))
    return found


def _list_digests(
    hosts: Iterable[HostLine], revision: str, vault: str, closures: Closures
) -> Iterable[tuple[str, str]]:
    for one in hosts:
        is_there = (one.applied.revision, one.applied.vault) == (revision, vault) and not one.applied.digest
        if is_there and one.name in closures:
            yield one.name, closures[one.name].digest
