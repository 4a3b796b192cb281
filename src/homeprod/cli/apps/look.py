"""A look at an app repository's files: ours first, then compose's own, where there is one on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from homeprod.apps.lint import Linted
from homeprod.core.diagnostic import WrongAppsError
from homeprod.core.errors import UsageError
from homeprod.drivers.apps.compose import check_stacks, find_compose
from homeprod.site.loader import find_root, load_site


def find_machines(options: argparse.Namespace) -> Mapping[str, frozenset[str]] | None:
    """The machines of the site at hand, with who keeps each; None where there is none and none was named."""
    is_named = options.site != Path() or "--site" in options.typed
    try:
        root = find_root(options.site)
    except UsageError:
        if is_named:
            raise
        return None
    machines = load_site(root).machines
    return {name: frozenset(getattr(one.machine, "kept_by", ())) for name, one in machines.items()}


def require_right(linted: Linted) -> bool:
    """Whether compose itself was asked. Raises WrongAppsError with every mistake."""
    mistakes = list(linted.sheet.mistakes)
    broken = {mistake.file for mistake in mistakes}
    program = find_compose()
    if program is not None:  # what is known to be broken needs no second word
        sound = (
            s for s in linted.stacks.values() if not any(f"{s.folder}/{part.path}" in broken for part in s.parts)
        )
        mistakes += check_stacks(program, sound)
    if mistakes:
        raise WrongAppsError(mistakes)
    return program is not None
