"""``homeprod adopt --disk``."""

from __future__ import annotations

import argparse

from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.site.site import Site


def hand_over_disk(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> int:
    raise NotImplementedError
