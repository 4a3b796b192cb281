"""What the site says of promotion: which environments have a gate, and whose trial counts for whom."""

from __future__ import annotations

from homeprod.core.errors import UsageError
from homeprod.site.configured import list_environments
from homeprod.site.machine import Environment
from homeprod.site.site import Site

FRESH_DAYS = 14
"""How long a record counts where the site does not say."""


def has_gate(environment: Environment) -> bool:
    return environment.promotion is not None


def find_counterparts(site: Site, environment: str) -> dict[str, str]:
    """Machines of environments that come after ``environment``, each with the machine there whose trial counts for
    it."""
    found: dict[str, str] = {}
    for name, declared in site.machines.items():
        after = declared.machine.environment.after
        if after is not None and after.name == environment and (own := find_counterpart(site, name)):
            found[name] = own
    return found


def find_counterpart(site: Site, name: str) -> str:
    """Of a machine; empty where it has none."""
    return ""


def find_fresh_days(site: Site, environment: Environment) -> int:
    """How long a record for a host of the environment counts: as its gate says, else as the strictest of those that
    come after it."""
    if environment.promotion is not None:
        return environment.promotion.fresh_days
    followers = (
        one.machine.environment
        for one in site.machines.values()
        if one.machine.environment.after is not None and one.machine.environment.after.name == environment.name
    )
    return min((one.promotion.fresh_days for one in followers if one.promotion is not None), default=FRESH_DAYS)


def name_gated(site: Site) -> str:
    """The only environment with a gate. Raises UsageError."""
    gated = [one.name for one in list_environments(site) if has_gate(one)]
    if len(gated) == 1:
        return gated[0]
    if gated:
        raise UsageError(
            "the site has several environments with a gate: say which is meant", hint=f"there are: {', '.join(gated)}"
        )
    raise UsageError("no environment of the site has a gate", hint=_GATING)


_GATING = """\
give it one, in modules/_config.py, then render the site, commit it signed and push it:

  prod = Environment(name="prod", …, after=lab, promotion=Promotion())"""
