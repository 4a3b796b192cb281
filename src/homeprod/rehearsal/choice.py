"""Choice: which machines of an environment stand-ins are built for, and why not for the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from homeprod.core.errors import PromotionError, UsageError
from homeprod.drivers.playbooks import Step
from homeprod.promotion.affected import Affected
from homeprod.promotion.closure import Closure
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import (
    explain_unconfigured,
    list_environments,
    list_gated,
    require_environment,
    require_machine,
)
from homeprod.site.counterpart import find_counterpart
from homeprod.site.machine import Environment, Machine, VirtualMachine
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class Subject:
    """A machine that is rehearsed. ``digest`` is that of its inputs at the revision; ``is_new`` where the
    environment's present revision does not know the host."""

    name: str
    digest: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """An affected host that no stand-in is built for, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    subjects: tuple[Subject, ...]
    skipped: tuple[Skipped, ...]


class UnaffectedError(PromotionError):
    """The step from one revision to the other touches no machine of the environment: nothing has to be tried."""

    def __init__(self, environment: Environment, step: Step) -> None:
        self.environment, self.step = environment, step
        span = f"{step.before[:12]}..{step.after[:12]}"
        hint = f"see who is:\n\n  homeprod affected {span}" if step.before else ""
        message = f"no machine of {environment.name} is affected: there is nothing to rehearse"
        super().__init__(message, where=span if step.before else step.after[:12], hint=hint)


def choose_environment(site: Site, name: str) -> Environment:
    """The one of that name; without a name the only one that something must have been tried for. Raises
    UsageError."""
    if name:
        return require_environment(site, name)
    known = list_environments(site)
    gated = list_gated(site) or [one for one in known if one.after is not None]
    if len(gated) != 1:
        which = "several environments that wait" if gated else "no environment that waits"
        there = f"there are: {', '.join(one.name for one in known) or 'none'}"
        message = f"the site has {which} for another (after=): say which is meant"
        raise UsageError(message, hint=f"{there}\n\n  homeprod rehearse REV --to ENVIRONMENT")
    return gated[0]


def choose_subjects(
    site: Site,
    environment: Environment,
    affected: Sequence[Affected],
    after: Mapping[str, Closure],
    before: Collection[str],
    names: Sequence[str],
    step: Step,
) -> Choice:
    """Those named; else those affected that no machine of another environment is tried for. ``after`` are the
    closures at the revision, ``before`` the hosts of the present one. Raises UsageError, UnaffectedError, and
    PromotionError where nothing is left."""
    if names:
        return Choice(tuple(_name(site, environment, after, before, dict.fromkeys(names), step)), ())
    found = [one for one in affected if one.environment == environment.name and one.after is not None]
    reasons = {one.host: explain_unfit(site, environment, one.host) or _find_counterpart(site, one) for one in found}
    chosen = tuple(
        Subject(one.host, one.after, one.host not in before) for one in found if one.after and not reasons[one.host]
    )
    skipped = tuple(Skipped(host, why) for host, why in reasons.items() if why)
    if not chosen:
        raise _refuse(environment, skipped, step) if skipped else UnaffectedError(environment, step)
    return Choice(chosen, skipped)


def _name(
    site: Site,
    environment: Environment,
    after: Mapping[str, Closure],
    before: Collection[str],
    names: Collection[str],
    step: Step,
) -> Iterator[Subject]:
    for name in names:
        machine = require_machine(site, name).machine
        if why := explain_unfit(site, environment, name):
            hint = _advise_elsewhere(name, machine, step) if machine.environment.name != environment.name else ""
            raise UsageError(f"no stand-in can be built for {name}: {why}", hint=hint)
        if name not in after:
            hint = "render the site into it, and rehearse what you commit then:\n\n  homeprod render --to DIR"
            raise PromotionError(f"the inventory at the revision has no host {name}", hint=hint)
        yield Subject(name, after[name].digest, name not in before)


def _advise_elsewhere(name: str, machine: Machine, step: Step) -> str:
    """How the revision is tried on a machine of another environment."""
    own, short = machine.environment, step.after[:12]
    if own.after is None and own.promotion is None:
        return f"there it is tried by going there:\n\n  homeprod promote {short} --to {own.name}"
    return f"say so:\n\n  homeprod rehearse --to {own.name} {short} {name}"


def explain_unfit(site: Site, environment: Environment, name: str) -> str:
    """Why no stand-in can be built for the host; empty where one can."""
    declared = site.machines.get(name)
    if declared is None:
        return "the site has no such machine: is your clone of it behind?"
    machine = declared.machine
    if machine.environment.name != environment.name:
        return f"it belongs to {machine.environment.name}, not to {environment.name}"
    if why := explain_unconfigured(declared):
        return f"no control node configures it: {why}"
    if isinstance(machine, AdoptedVirtualMachine):
        return "it was adopted, and its module does not say how such a machine is made"
    if isinstance(machine, VirtualMachine) and machine.dhcp:
        return "it has its address from DHCP, which the lab has not"
    return ""


def _find_counterpart(site: Site, one: Affected) -> str:
    """Why it need not be rehearsed."""
    counterpart = find_counterpart(site, site.machines[one.host].machine)
    return f"its counterpart {counterpart.name} is tried for it" if counterpart is not None else ""


def _refuse(environment: Environment, skipped: Sequence[Skipped], step: Step) -> PromotionError:
    reasons = "\n".join(f"  {one.name}: {one.why}" for one in skipped)
    command = f"homeprod rehearse --to {environment.name} {step.after[:12]} {skipped[0].name}"
    hint = f"{reasons}\n\nwhere one is to be rehearsed all the same, name it:\n\n  {command}"
    return PromotionError(f"no machine of {environment.name} is left to rehearse", hint=hint)
