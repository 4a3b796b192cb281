"""The end of a lab's machines: asked to power off in Proxmox's order, and the plug pulled where they do not."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.api.error import ApiError
from homeprod.lab.api.formats import parse_startup
from homeprod.lab.census import find_mark
from homeprod.lab.folder import Say
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.power import shut_down
from homeprod.lab.machine.store import Machine
from homeprod.lab.service import open_guests
from homeprod.lab.spec import LabSpec

_NO_ORDER = 10_000
"""Machines without an order of their own start last on Proxmox, so they end first (pve-guests, order 'any')."""


def shut_down_machines(spec: LabSpec, state: Path, say: Say, limit: float | None) -> None:
    """For a lab whose process has ended; returns when no machine runs any more.

    Files that cannot be read are no reason to leave a machine running: then its plug is pulled.
    """
    try:
        asyncio.run(_shut_down_all(spec, state, say, limit))
    except (OSError, ValueError, TypeError, KeyError) as error:
        say(f"cannot read the lab's files ({error}), so no machine is asked: plugs are pulled")
        for guest in state.glob("guests/*"):
            mark = find_mark(state, int(guest.name))
            if mark is not None:
                mark.end()


async def _shut_down_all(spec: LabSpec, state: Path, say: Say, limit: float | None) -> None:
    hypervisor = Hypervisor(spec, state, *open_guests(spec, state))
    running = [machine for machine in hypervisor.machines if hypervisor.is_running(machine.vmid)]
    for _, group in groupby(sorted(running, key=_rank, reverse=True), key=_rank):
        machines = list(group)
        if spec.boot:
            say(f"shutting down {', '.join(_name(machine) for machine in machines)}")
        await asyncio.gather(*(_shut_down(hypervisor, machine, say, limit) for machine in machines))
    await hypervisor.close()


def _rank(machine: Machine) -> int:
    startup = parse_startup(machine.document.current.get("startup", "")) or {}
    return int(startup.get("order", _NO_ORDER))


def _name(machine: Machine) -> str:
    return machine.document.current.get("name", f"VM {machine.vmid}")


async def _shut_down(hypervisor: Hypervisor, machine: Machine, say: Say, limit: float | None) -> None:
    try:
        await shut_down(hypervisor, machine.node, machine.vmid, limit, force=False, skips_lock=True)
        words = "is off"
    except (ApiError, LabError) as error:
        await hypervisor.runner.stop(machine.vmid)
        words = f"did not power off ({error}): its plug was pulled"
    if hypervisor.spec.boot:
        say(f"{_name(machine)} {words}")
