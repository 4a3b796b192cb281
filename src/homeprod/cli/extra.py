"""Extras: what is installed only with ``homeprod[lab]`` or ``homeprod[notices]``, and what to say where it is not."""

from __future__ import annotations

from importlib.util import find_spec

from homeprod.core.errors import LabError, UsageError

LAB = ("aiohttp", "requests")


def require_extra() -> None:
    """Raise LabError where the lab's own dependencies are not installed."""
    missing = [module for module in LAB if find_spec(module) is None]
    if missing:
        raise LabError(
            f"the lab is not installed ({', '.join(missing)} missing)",
            hint="install its extra, with pip or uv:\n\n  pip install 'homeprod[lab]'",
        )


def require_notices() -> None:
    """Raise UsageError where what sends notices is not installed."""
    if find_spec("apprise") is None:
        hint = "install its extra, with pip or uv:\n\n  pip install 'homeprod[notices]'"
        raise UsageError("notices are not installed (apprise missing)", hint=hint)
