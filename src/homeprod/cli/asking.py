"""Control nodes, asked in passing: what they know of their hosts, for as long as a person waits willingly."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from homeprod.core.errors import HomeprodError, UsageError
from homeprod.core.overview.host import NodeLine, read_node, read_public
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.doorwords import SignatureError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.drivers.signer import Signer
from homeprod.site.configured import find_control
from homeprod.site.site import Site
from homeprod.wiring.doorbell import find_signer, open_doorbell

PATIENCE = 4.0
"""Seconds for a node to answer; all are asked at once."""


@dataclass(frozen=True, slots=True)
class AskedNode:
    """``line`` is None where it did not answer, and ``why_not`` says why; where it answered to somebody who could not
    sign, that says why it told no more. ``door`` is there where calls are signed."""

    name: str
    line: NodeLine | None
    why_not: str = ""
    door: Doorbell | None = None


def ask_nodes(
    site: Site, cluster: ProxmoxHypervisor, running: Collection[str], options: argparse.Namespace
) -> list[AskedNode]:
    """Those of the site's control nodes that run, in its order."""
    names = [name for name, one in site.machines.items() if name in running and find_control(one.machine)]
    if not names:
        return []
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return list(pool.map(lambda name: _ask(site, cluster, name, options.lab), names))


def can_sign(site: Site, lab: str) -> bool:
    """For any of its control nodes; asks nobody but ssh-agent."""
    for name, declared in site.machines.items():
        if find_control(declared.machine):
            with contextlib.suppress(UsageError, SignatureError):
                find_signer(site, name, lab=lab)
                return True
    return False


def _ask(site: Site, cluster: ProxmoxHypervisor, name: str, lab: str) -> AskedNode:
    signer: Signer | None = None
    why_not = ""
    try:
        signer = find_signer(site, name, lab=lab)
    except (UsageError, SignatureError) as error:
        why_not = error.message
    try:
        door = open_doorbell(site, cluster, name, signer, lab=lab, patience=PATIENCE)
        if signer is None:
            return AskedNode(name, read_public(door.status()), why_not)
        return AskedNode(name, read_node(door.get("/api/status"), door.get("/api/hosts")), door=door)
    except HomeprodError as error:
        return AskedNode(name, None, error.message)
    except (KeyError, TypeError, ValueError):
        return AskedNode(name, None, "it answers as another version of homeprod does")
