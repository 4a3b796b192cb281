"""Choice: where a drill is held, and which machines it is about."""

from __future__ import annotations

import argparse

from homeprod.core.errors import UsageError
from homeprod.lab.folder import require_up
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.configured import find_control, require_machine
from homeprod.site.machine import DataVirtualMachine, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site


def check_place(options: argparse.Namespace) -> bool:
    """Whether machines boot there. Raises UsageError where nobody said that it is meant, LabError where there is no
    such lab, or it is not up."""
    if options.lab and options.production:
        hint = "leave out one of the two"
        raise UsageError("--production is the site's own cluster, and --lab a lab: it cannot be both", hint=hint)
    if options.lab:
        return require_up(options.lab).read_spec().boot
    if not options.production:
        hint = (
            "hold it in a lab:\n\n  homeprod drill rebuild --all --lab NAME\n\n"
            "or on the site's own cluster, by --production and the site's name, which is asked for"
        )
        raise UsageError("a drill destroys machines: say where", hint=hint)
    return True


def choose_machines(site: Site, options: argparse.Namespace) -> list[DeclaredMachine]:
    """Control nodes first, each part in the site's order. Raises UsageError for what no drill can be about."""
    if options.all and options.names:
        raise UsageError(
            "--all is all machines: which is meant, --all or these names?", hint="leave out one of the two"
        )
    if not options.all and not options.names:
        raise UsageError("which machines?", hint="name them, or say --all")
    if options.all:
        chosen = [one for one in site.machines.values() if isinstance(one.machine, VirtualMachine)]
        if not chosen:
            raise UsageError("the site has no machine that can be made again")
    else:
        named = {name: require_machine(site, name) for name in options.names}
        chosen = [_require_own(site, one) for name, one in site.machines.items() if name in named]
    return sorted(chosen, key=lambda one: find_control(one.machine) is None)


def _require_own(site: Site, declared: DeclaredMachine) -> DeclaredMachine:
    """Raises UsageError."""
    if isinstance(declared.machine, DataVirtualMachine):
        users = ", ".join(_list_users(site, declared.machine))
        hint = f"name the machine that uses its disks: {users}" if users else "no machine uses its disks"
        raise UsageError(f"{declared.name} is a data VM, and a drill leaves those whole", hint=hint)
    if isinstance(declared.machine, AdoptedVirtualMachine):
        hint = "homeprod did not make it, and has nothing to make it from"
        raise UsageError(f"{declared.name} was there before the site, and cannot be made again", hint=hint)
    return declared


def _list_users(site: Site, data: DataVirtualMachine) -> list[str]:
    return [
        one.name
        for one in site.machines.values()
        if isinstance(one.machine, VirtualMachine) and any(mount.disk in data.disks for mount in one.machine.mounts)
    ]
