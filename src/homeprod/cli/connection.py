"""The cluster that a command speaks to."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.site.site import Site
from homeprod.wiring import open_cluster


def connect(site: Site, options: argparse.Namespace) -> ProxmoxHypervisor:
    """Says so where an endpoint fails and another is used. Raises UsageError, or LabError where the lab is not up.
    Sends nothing yet.
    """
    return open_cluster(site, lab=options.lab, tell=render.say)
