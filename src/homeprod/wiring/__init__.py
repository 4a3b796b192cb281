"""Builds the real drivers and hands them down; the only room that knows all rooms."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from getpass import getpass

from homeprod.drivers.proxmox import ProxmoxHypervisor, Settings, open_hypervisor, resolve_settings
from homeprod.drivers.proxmox.patient import ProxmoxPatient, describe_roles
from homeprod.drivers.proxmox.settings import is_credential_given
from homeprod.lab.folder import require_up
from homeprod.plan.needs import find_needs
from homeprod.site.site import Site


def open_cluster(
    site: Site, *, lab: str = "", env: Mapping[str, str] = os.environ, tell: Callable[[str], None] | None = None
) -> ProxmoxHypervisor:
    """The running lab of that name; else the site's cluster, or the one that ``HOMEPROD_ENDPOINT`` names. ``tell``
    hears of endpoints that fail. Raises UsageError, or LabError where the lab is not up; sends nothing yet."""
    return open_hypervisor(find_settings(site, lab=lab, env=env), tell=tell)


def open_patient(site: Site, *, lab: str = "", env: Mapping[str, str] = os.environ) -> ProxmoxPatient:
    """The same cluster, to be examined by doctor."""
    return ProxmoxPatient(find_settings(site, lab=lab, env=env))


def list_roles(site: Site, user: str, token: str) -> dict[str, list[str]]:
    """By Proxmox's major release, the lines that make a user with the least rights for the site, and its token."""
    return describe_roles(find_needs(site), user, token)


def has_credential(site: Site, *, lab: str = "", env: Mapping[str, str] = os.environ) -> bool:
    """Whether a token is given, or a user who logs in, so that nobody has to be asked who asks. A lab has its own."""
    if lab:
        return True
    cluster = site.config.cluster
    file = site.find_file(cluster.token_file)
    return is_credential_given(env, endpoint=cluster.endpoints, token_file=file, user=cluster.user)


def find_settings(site: Site, *, lab: str = "", env: Mapping[str, str] = os.environ) -> Settings:
    """How the cluster is reached. Where no token or password is given a person at a terminal is asked, without
    echo.

    With a lab nothing of the environment counts: what is meant for a lab never reaches a real cluster.
    """
    if lab:
        up = require_up(lab)
        return resolve_settings({}, endpoint=up.read_url(), token_file=up.token_file, ca_file=up.ca_file)
    cluster = site.config.cluster
    return resolve_settings(
        env,
        endpoint=cluster.endpoints,
        token_file=site.find_file(cluster.token_file),
        ca_file=site.find_file(cluster.ca_file),
        fingerprint=cluster.fingerprints,
        user=cluster.user,
        password_file=site.find_file(cluster.password_file),
        ask=_ask_secret if sys.stdin.isatty() else None,
    )


def _ask_secret(prompt: str) -> str:
    try:
        return getpass(prompt)
    except EOFError:  # Ctrl-D: nothing was typed
        return ""
