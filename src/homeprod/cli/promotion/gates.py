"""Gates, as the site declares them: which environments have one, and whose trial counts for whom."""

from __future__ import annotations

from homeprod.core.errors import UsageError
from homeprod.site.configured import list_environments, list_gated
from homeprod.site.counterpart import list_counterparts
from homeprod.site.machine import Environment
from homeprod.site.promotion import Promotion
from homeprod.site.site import Site

_GATING = """\
give it one, in modules/_config.py, then render the site, commit it signed and push it:

  prod = Environment(name="prod", …, after=lab, promotion=Promotion())"""


def list_followers(site: Site, environment: Environment) -> tuple[Environment, ...]:
    """Environments that a revision comes to after this one."""
    known = list_environments(site)
    return tuple(one for one in known if one.after is not None and one.after.name == environment.name)


def find_counterparts(site: Site, environment: Environment) -> dict[str, str]:
    """Machines of environments that come after this one, each with the machine here whose trial counts for it."""
    followers = list_followers(site, environment)
    return {host: own for one in followers for host, own in list_counterparts(site, one)}


def find_fresh_days(site: Site, environment: Environment) -> int:
    """How long a record for a host of the environment counts: as its gate says, else as the strictest of those that
    come after it."""
    if environment.promotion is not None:
        return environment.promotion.fresh_days
    gates = [one.promotion.fresh_days for one in list_followers(site, environment) if one.promotion is not None]
    return min(gates, default=Promotion().fresh_days)


def name_gated(site: Site) -> str:
    """The only environment with a gate. Raises UsageError."""
    gated = [one.name for one in list_gated(site)]
    if len(gated) == 1:
        return gated[0]
    if gated:
        there = f"there are: {', '.join(gated)}"
        raise UsageError("the site has several environments with a gate: say which is meant", hint=there)
    raise UsageError("no environment of the site has a gate", hint=_GATING)
