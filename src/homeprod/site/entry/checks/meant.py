"""What a name that leads to no machine may have been meant for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from homeprod.site.machine import DataVirtualMachine
from homeprod.site.site import Site


def is_known(site: Site, name: str) -> bool:
    """Whether the site has the machine, or a module of it that failed to load, which was reported."""
    return name in site.machines or (site.root / "modules" / f"{name.replace('-', '_')}_vm.py").exists()


def guess(name: str, known: Iterable[str], what: str) -> str:
    """The one that it looks like, else all: ``what`` they are."""
    names = list(known)
    close = get_close_matches(name, names, 1)
    return f"is {close[0]} meant?" if close else f"{what}: {', '.join(names)}"


def guess_machine(site: Site, name: str) -> str:
    """Of those that run: a data VM never does."""
    running = (one for one, it in site.machines.items() if not isinstance(it.machine, DataVirtualMachine))
    return guess(name, running, "there are")
