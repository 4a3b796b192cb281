"""Where the site is, for commands that are typed in a clone of the playbook repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import UsageError
from homeprod.drivers.playbooks import SITE_SETTING, find_named_site, is_clone
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


def load_named_site(options: argparse.Namespace) -> Site:
    """The site of ``--site``, else the one from here upward, else the one that git's settings name in the clone.
    Raises UsageError, SiteError."""
    return load_site(_find_root(options))


def _find_root(options: argparse.Namespace) -> Path:
    clone = Path(options.repository)
    try:
        return find_root(options.site)
    except UsageError as error:
        if options.site != Path():
            raise
        if (named := find_named_site(clone)) is None:
            error.hint = "name it:\n\n  … --site DIR"
            if is_clone(clone):
                command = f"git -C {clone} config {SITE_SETTING} DIR"
                error.hint = f"name it, once for each time or once for all:\n\n  … --site DIR\n  {command}"
            raise
    try:
        root = find_root(named)
    except UsageError as error:
        error.hint = f"so says `git config {SITE_SETTING}` in {clone}; name it anew:\n\n"
        error.hint += f"  git -C {clone} config {SITE_SETTING} DIR"
        raise
    render.speak_to(options.lab, str(root), is_set=True)
    return root
