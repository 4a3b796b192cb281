"""Counterparts: whose trial counts for a machine of an environment that comes after another."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import find_control_user, list_configured
from homeprod.site.declared import is_broken
from homeprod.site.machine import Environment, Machine, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site


def name_counterpart(machine: Machine) -> Machine | str | None:
    """As it is written in the machine's module."""
    return machine.counterpart if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else None


def find_counterpart(site: Site, machine: Machine) -> DeclaredMachine | None:
    """The machine whose trial counts for this one; None where it names none, or one that the site does not have."""
    wanted = name_counterpart(machine)
    if isinstance(wanted, str):
        return site.machines.get(wanted)
    return next((one for one in site.machines.values() if one.machine is wanted), None) if wanted else None


def list_counterparts(site: Site, environment: Environment) -> Iterator[tuple[str, str]]:
    """Configured machines of the environment, each with the one that is tried for it."""
    for declared in list_configured(site):
        other = find_counterpart(site, declared.machine) if declared.machine.environment is environment else None
        if other is not None and not is_broken(other.machine) and find_control_user(other.machine) is not None:
            yield declared.name, other.name
