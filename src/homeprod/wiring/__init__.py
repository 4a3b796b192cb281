"""Builds the real drivers and hands them down; the only room that knows all rooms."""

from __future__ import annotations

import os
from collections.abc import Mapping

from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.lab.folder import require_up
from homeprod.site.site import Site


def open_cluster(site: Site, *, lab: str = "", env: Mapping[str, str] = os.environ) -> ProxmoxHypervisor:
    """The running lab of that name; else the site's cluster, or the one that ``HOMEPROD_ENDPOINT`` names.

    With a lab nothing of the environment counts: what is meant for a lab never reaches a real cluster. Raises
    UsageError, or LabError where the lab is not up; sends nothing yet.
    """
    if not lab:
        return open_hypervisor(resolve_settings(env, endpoint=site.config.cluster.endpoint))
    folder = require_up(lab)
    settings = resolve_settings({}, endpoint=folder.read_url(), token_file=folder.token_file, ca_file=folder.ca_file)
    return open_hypervisor(settings)
