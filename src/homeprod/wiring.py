"""Builds the real drivers and hands them down; the only room that knows all rooms."""

from __future__ import annotations

import os
from collections.abc import Mapping

from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.site.site import Site


def open_cluster(site: Site, env: Mapping[str, str] = os.environ) -> ProxmoxHypervisor:
    """The site's cluster, or the one that ``HOMEPROD_ENDPOINT`` names. Raises UsageError; sends nothing yet."""
    return open_hypervisor(resolve_settings(env, endpoint=site.config.cluster.endpoint))
