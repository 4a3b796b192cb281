"""The order in which an environment's machines are brought to a new revision."""

from __future__ import annotations

from typing import get_args

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import list_configured
from homeprod.site.machine import Environment, StartPhase, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site

_PHASES: tuple[str, ...] = get_args(StartPhase)


def list_rollout(site: Site, environment: Environment) -> tuple[str, ...]:
    """Its configured machines: canaries as they are named, then in the order in which the hypervisor starts them, and
    within a phase by name."""
    promotion = environment.promotion
    canary = promotion.canary if promotion is not None else ()
    ours = [one for one in list_configured(site) if one.machine.environment is environment]
    names = [one.name for one in sorted(ours, key=_find_place)]
    return (*(name for name in canary if name in names), *(name for name in names if name not in canary))


def _find_place(declared: DeclaredMachine) -> tuple[int, str]:
    machine = declared.machine
    start = machine.start if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else None
    return (_PHASES.index(start) if start else len(_PHASES), declared.name)
