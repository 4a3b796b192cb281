"""Drill: its note in Proxmox, and the plan that destroys its machines.

The note is an empty pool, as the lease is: it is there before the first machine goes and goes when all of them were
proven, so that whoever comes after an interruption knows which machines are the old ones, and what was to be kept.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from homeprod.core.errors import NotFoundError, ProxmoxError, TransientError
from homeprod.engine.destroy import plan_destruction
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import Actual
from homeprod.plan.drill import DrillNote
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

ATTEMPTS = 5


def name_note(site_id: str) -> str:
    return f"homeprod-{site_id[:8]}-drill"


def read_note(hypervisor: Hypervisor, site: Site) -> DrillNote | None:
    """That of a drill which has not come to its end. One call. Raises HomeprodError where it cannot be read."""
    text = hypervisor.read_pools().get(name_note(site.config.id))
    return DrillNote.parse(text) if text is not None else None


def write_note(hypervisor: Hypervisor, site: Site, note: DrillNote) -> None:
    """In the place of one that is there. Raises ProxmoxError."""
    name, text = name_note(site.config.id), note.render()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            there = hypervisor.read_pools().get(name)
            if there == text:  # an answer was lost
                return
            if there is None:
                hypervisor.create_pool(name, text)
            else:
                hypervisor.change_pool(name, text)
            return
        except TransientError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.1 * 2**attempt)


def drop_note(hypervisor: Hypervisor, site: Site) -> None:
    """Raises ProxmoxError."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            hypervisor.delete_pool(name_note(site.config.id))
            return
        except NotFoundError:
            return
        except TransientError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.1 * 2**attempt)
        except ProxmoxError:
            if name_note(site.config.id) in hypervisor.read_pools():
                raise
            return


def plan_destructions(site: Site, actual: Actual, vmids: Collection[int]) -> Plan:
    """One plan that destroys just these machines, none of them a data VM. Raises HomeprodError for one that is not
    there, is protected, or is none of the site's."""
    plans = [plan_destruction(site, actual, str(vmid), is_data=False) for vmid in vmids]
    return Plan(tuple(change for plan in plans for change in plan.changes))
