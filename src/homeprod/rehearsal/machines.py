"""The stand-ins as machines: made by the same plan and apply as at home, and told of to their control node."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from homeprod.core.errors import ControlError, HomeprodError, PromotionError
from homeprod.drivers.bundle import bring_bundle
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.image import bring_image
from homeprod.engine.apply import apply_plan, check_plan
from homeprod.engine.event import Listener
from homeprod.engine.ports import Hypervisor
from homeprod.engine.read import read_actual
from homeprod.engine.ring import read_host_key
from homeprod.engine.work import Manner, Work
from homeprod.plan.desired import desire
from homeprod.plan.diff import Wish, diff
from homeprod.plan.scope import choose_part
from homeprod.site.site import Site

_BOOT_LIMIT = 1200.0
"""Seconds for cloud-init's end; a machine may be emulated."""


Watch = Callable[[int], AbstractContextManager[Listener]]
"""Opens who hears how so many changes go."""


def make_machines(site: Site, hypervisor: Hypervisor, names: Collection[str], watch: Watch, *, boots: bool) -> None:
    """With their images and data VMs, started and booted. Nothing is rung: that is done when it is its turn. Raises
    HomeprodError."""
    actual = read_actual(hypervisor, site)
    plan = diff(site, actual, lambda _: secrets.token_hex(6), Wish(starts=True))
    plan = choose_part(plan, names, site, actual)
    check_plan(plan)
    manner = Manner(waits=boots, wait_limit=_BOOT_LIMIT)
    work = Work(site, hypervisor, desire(site), actual, manner, bring_image, bring_bundle, None, threading.Event())
    with watch(len(plan.changes)) as listen:
        outcome = apply_plan(work, plan, listen)
    for _, error in outcome.failed:
        raise error
    if boots and outcome.unfinished:
        address, reason = next(iter(sorted(outcome.unfinished.items())))
        raise PromotionError(f"its stand-in did not boot to the end: {reason}", where=str(address))


def ring_for(site: Site, hypervisor: Hypervisor, door: Doorbell, name: str) -> int:
    """Say to the control node that the machine is there; the run's number. Raises HomeprodError."""
    vmid = site.vmid(site.machines[name].machine)
    found = read_actual(hypervisor, site).machines.get(vmid)
    if found is None or found.mark is None:
        raise HomeprodError("its stand-in is not there any more", where=f"vm/{name}")
    key = read_host_key(hypervisor, (found.listed.node, vmid))
    if key is None:
        raise ControlError("its stand-in told no SSH host key", where=f"vm/{name}")
    answer = door.ring(name, f"{vmid}-{found.mark.instance}", (key,))
    if answer.waits:
        raise ControlError(f"is not configured: {answer.waits}", where=f"vm/{name}")
    return answer.run
