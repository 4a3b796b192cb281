"""Extras: what is installed only with ``.[lab]`` or ``.[notices]``, and what to say where it is not."""

from __future__ import annotations

from importlib.util import find_spec

from homeprod.core.errors import LabError, UsageError
from homeprod.core.extras import advise_install

LAB = ("aiohttp", "requests")


def require_extra() -> None:
    """Raise LabError where the lab's own dependencies are not installed."""
    missing = [module for module in LAB if find_spec(module) is None]
    if missing:
        raise LabError(
            f"the lab is not installed ({', '.join(missing)} missing)",
            hint=advise_install("lab"),
        )


def require_notices() -> None:
    """Raise UsageError where what sends notices is not installed."""
    if find_spec("apprise") is None:
        raise UsageError("notices are not installed (apprise missing)", hint=advise_install("notices"))
