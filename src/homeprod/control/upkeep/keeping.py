"""Keeping: how one host is kept, as people are told it: what was found, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import Host
from homeprod.control.promotion.standing import Gated
from homeprod.control.settings import NodeSettings, UpkeepSettings
from homeprod.control.upkeep.policy import Outlook, foresee


@dataclass(frozen=True, slots=True)
class Keeping:
    """``upkeep`` is None where nobody looks at the host, ``condition`` where nobody has yet. ``next_check`` is in
    seconds since 1970, None where nobody knows: while the node is not Ready, say."""

    host: Host
    upkeep: UpkeepSettings | None
    condition: Condition | None
    next_check: float | None
    outlook: Outlook

    @property
    def drift(self) -> int | None:
        """How many tasks would change something; None where nobody has looked."""
        known = self.condition
        return None if known is None or known.checked is None else len(known.drift) + known.more

    @property
    def is_late(self) -> bool:
        return self.condition is not None and self.condition.late is not None


def list_keepings(
    hosts: Iterable[Host],
    conditions: Mapping[str, Condition],
    settings: NodeSettings,
    heads: Mapping[str, str],
    cycles: Mapping[str, float | None],
    now: float,
    gate: Callable[[Host], Gated | None] = lambda _: None,
) -> list[Keeping]:
    """``heads`` and ``cycles`` are by environment: the newest believed revision, and when its next cycle begins.
    ``gate`` says more of a host whose environment has one."""
    return [
        _make_keeping(host, conditions.get(host.name), settings, heads, cycles.get(host.environment), now, gate(host))
        for host in hosts
    ]


def _make_keeping(
    host: Host,
    condition: Condition | None,
    settings: NodeSettings,
    heads: Mapping[str, str],
    cycle: float | None,
    now: float,
    gated: Gated | None,
) -> Keeping:
    environment = settings.find_environment(host.environment)
    upkeep = environment.upkeep if environment is not None else None
    if upkeep is None:
        return Keeping(host, None, condition, None, Outlook())
    outlook = foresee(host, condition, heads.get(host.environment, ""), upkeep, now, gated)
    due = condition.due if condition is not None else None
    return Keeping(host, upkeep, condition, due if cycle is not None and due is not None else cycle, outlook)
