"""Agreement: what a person says before anything is destroyed."""

from __future__ import annotations

import argparse
import sys

from homeprod.cli.drill.sight import Sight
from homeprod.cli.question import ask, confirm
from homeprod.core.errors import DeclinedError
from homeprod.site.site import Site


def agree(site: Site, seen: Sight, options: argparse.Namespace) -> None:
    """Outside of a lab the site's name is typed, and nothing answers it beforehand. Raises DeclinedError."""
    if not seen.doomed:
        return
    count = len(seen.doomed)
    machines = f"{count} machine{'s' * (count != 1)}"
    if not options.production:
        if not options.yes:
            ask(f"destroy {machines} in the lab {options.lab}, and make them again?", "yes")
        return
    if not sys.stdin.isatty():
        raise DeclinedError(
            "nobody is there to type the site's name; nothing was done",
            hint="run it in a terminal: outside of a lab no option answers that",
        )
    question = f"to destroy {machines} on the site's own cluster, type the name of the site:"
    if not confirm(question, site.config.name, otherwise=""):
        raise DeclinedError("that is not the name of this site; nothing was done")
