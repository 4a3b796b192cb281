"""The branches that are published: one for each app of each host, and one for the host's configuration."""

from __future__ import annotations

PREFIX = "deploy"
CONFIGURATION = "_config"
"""Stands where an app's name would; no app is called so, since none begins with an underscore."""


def name_branch(host: str, app: str) -> str:
    return f"{PREFIX}/{host}/{app}"


def split_branch(branch: str) -> tuple[str, str] | None:
    """Host and app of a published branch, None for any other."""
    prefix, _, rest = branch.partition("/")
    host, _, app = rest.partition("/")
    return (host, app) if prefix == PREFIX and host and app and "/" not in app else None
