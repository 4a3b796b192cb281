"""Need: how much memory the stand-ins take, said before anything is begun."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.core.errors import PromotionError
from homeprod.core.sizes import MiB
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

OVERHEAD = 256 * MiB
"""Bytes that QEMU takes for each machine besides what the guest has (measured for the demo)."""


@dataclass(frozen=True, slots=True)
class Need:
    """``machines`` that run at once, and the ``memory`` in bytes that they take together."""

    machines: int
    memory: int

    def describe(self) -> str:
        return f"{self.machines} machines take {self.memory // MiB} MiB of memory"


def weigh(site: Site) -> Need:
    """Of all machines of the site that run; data VMs take none."""
    memory = [one.machine.memory for one in site.machines.values() if isinstance(one.machine, VirtualMachine)]
    return Need(len(memory), sum(memory) + OVERHEAD * len(memory))


def check_room(need: Need, available: int, revision: str) -> None:
    """``available`` is the memory of this machine, in bytes. Raises PromotionError."""
    if need.memory <= available:
        return
    message = f"{need.describe()}, and {available // MiB} MiB are available"
    hint = f"end what takes memory, or rehearse fewer at once:\n\n  homeprod rehearse {revision} NAME"
    raise PromotionError(message, hint=hint)
