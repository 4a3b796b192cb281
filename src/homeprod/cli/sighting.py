"""Sighting: what `watch` sees, and of what it could not see anything."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from homeprod.cli.asking import AskedNode
from homeprod.cli.connection import connect
from homeprod.cli.observation import Observation, observe, share
from homeprod.cli.status import find_matters
from homeprod.core.errors import HomeprodError
from homeprod.core.overview.matter import BACKUPS, PROXMOX, Matter, name_hosts
from homeprod.notices.news import Sight, make_sight
from homeprod.site.configured import find_control
from homeprod.site.loader import load_site
from homeprod.site.site import Site

LOOK = "the look"
"""The source of what is wrong with looking itself."""
_PATIENCE = 600.0
"""Seconds for which a machine may be away: it starts again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """``site`` is its name."""

    site: str
    sight: Sight


def look(options: argparse.Namespace, root: Path) -> Seen:
    """Whatever cannot be seen is itself something to see to. What was seen in Proxmox is sent to control nodes, as
    `status` does."""
    name = root.resolve().name
    try:
        site = load_site(root)
        name = site.config.name
        with closing(connect(site, options)) as cluster:
            seen = observe(site, cluster, options)
            list(share(seen))  # that a node does not take it is no matter for a person
    except HomeprodError as error:
        return Seen(name, make_sight([_explain(error)], [LOOK], None, time.time()))
    return Seen(name, _judge(site, seen))


def _judge(site: Site, seen: Observation) -> Sight:
    matters = [*find_matters(seen), *(_tell_silent(node) for node in seen.nodes if node.line is None)]
    return make_sight(matters, [LOOK, *_list_seen(seen)], _list_possible(site), seen.taken)


def _explain(error: HomeprodError) -> Matter:
    return Matter(
        f"nobody can look: {error}", "homeprod status", "look", LOOK, patience=_PATIENCE,
        brief="nobody can look at the site, and nothing else of it is known now",
    )  # fmt: skip


def _tell_silent(node: AskedNode) -> Matter:
    brief = f"{node.name} does not answer"
    text, command = f"{brief}: {node.why_not}", f"homeprod control status {node.name}"
    return Matter(text, command, f"{node.name} silent", PROXMOX, patience=_PATIENCE, brief=brief)


def _list_seen(seen: Observation) -> Iterator[str]:
    yield PROXMOX
    if not seen.snapshot.backups_unseen:
        yield BACKUPS
    for node in seen.nodes:
        if node.line is not None:
            yield node.name
        if node.door is not None:
            yield name_hosts(node.name)


def _list_possible(site: Site) -> Iterator[str]:
    yield from (LOOK, PROXMOX, BACKUPS)
    for name, declared in site.machines.items():
        if find_control(declared.machine):
            yield from (name, name_hosts(name))
