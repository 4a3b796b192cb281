"""Checks of promotion: gates that can be passed, and counterparts that are there."""

from __future__ import annotations

from collections.abc import Callable

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import explain_unconfigured, list_configured, list_environments
from homeprod.site.counterpart import find_counterpart, name_counterpart
from homeprod.site.declared import Declared, is_broken
from homeprod.site.machine import Environment, VirtualMachine
from homeprod.site.promotion import Promotion
from homeprod.site.site import DeclaredMachine, Site

Report = Callable[[Declared, str, str, str], None]
"""Takes the declaration, its argument, what is wrong, and what to do."""


def check_promotion(site: Site, report: Report) -> None:
    for environment in list_environments(site):
        promotion = environment.promotion
        if not is_broken(environment) and promotion is not None and not is_broken(promotion):
            _check_gate(site, environment, promotion, report)
    for declared in site.machines.values():
        if not is_broken(declared.machine) and isinstance(declared.machine.environment, Environment):
            _check_counterpart(site, declared, report)


def _check_gate(site: Site, environment: Environment, promotion: Promotion, report: Report) -> None:
    if environment.after is None:
        message = "nobody knows in which environment a revision is to be tried first"
        report(environment, "promotion", message, "write after= into the Environment, or leave promotion= out")
    if not environment.control_node:
        message = "it has no control node, so nobody stands at the gate"
        report(environment, "promotion", message, "write control_node= into the Environment, or leave promotion= out")
    elif environment.upkeep is None:
        message = "nobody looks at its machines, so what is promoted would wait for a ring"
        report(environment, "promotion", message, "leave upkeep=None out of the Environment")
    ours = [one.name for one in list_configured(site) if one.machine.environment is environment]
    for name in promotion.canary:
        if name not in ours and not _is_unread(site, name):
            known = f"configured machines of {environment.name}: {', '.join(ours) or 'none'}"
            report(promotion, "canary", f"{environment.name} has no configured machine {name}", known)


def _check_counterpart(site: Site, declared: DeclaredMachine, report: Report) -> None:
    machine = declared.machine
    wanted = name_counterpart(machine)
    if wanted is None or not isinstance(machine, VirtualMachine | AdoptedVirtualMachine):
        return
    other = find_counterpart(site, machine)
    if other is None:
        if isinstance(wanted, str) and not _is_unread(site, wanted):
            report(machine, "counterpart", f"the site has no machine {wanted}", _advise(site, machine.environment))
        elif not isinstance(wanted, str) and not is_broken(wanted):
            report(machine, "counterpart", "that is none of the site's machines", "name the `vm` of a module")
        return
    if is_broken(other.machine):
        return
    if message := _find_fault(declared, other):
        report(machine, "counterpart", message, _advise(site, machine.environment))


def _find_fault(declared: DeclaredMachine, other: DeclaredMachine) -> str:
    environment, after = declared.machine.environment, declared.machine.environment.after
    if other.name == declared.name:
        return "a machine is not tried by itself"
    if after is None:
        return f"its environment {environment.name} comes after none, so nothing is tried for it"
    if other.machine.environment is not after:
        return f"{other.name} is of {other.machine.environment.name}, and {environment.name} comes after {after.name}"
    if reason := explain_unconfigured(other):
        return f"nothing is tried on {other.name}: {reason}"
    if reason := explain_unconfigured(declared):
        return f"nothing of it is tried: {reason}"
    return ""


def _is_unread(site: Site, name: str) -> bool:
    """Whether its module failed to load, which was reported."""
    if name in site.machines:
        return is_broken(site.machines[name].machine)
    return (site.root / "modules" / f"{name.replace('-', '_')}_vm.py").exists()


def _advise(site: Site, environment: Environment) -> str:
    after = environment.after
    names = [one.name for one in list_configured(site) if one.machine.environment is after] if after else []
    where = f"configured machines of {after.name}: {', '.join(names) or 'none'}" if after else ""
    return where or "write after= into the Environment, or leave counterpart= out"
