"""Taken: a VMID that turns out to be in use when a machine is to be made under it."""

from __future__ import annotations

import re

from homeprod.core.errors import NotFoundError, ProxmoxError
from homeprod.engine.work import Work
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import parse_note

_TAKEN = re.compile(r"VM (?P<vmid>\d+) already exists on node '(?P<node>[^']+)'")


def explain_taken(work: Work, machine: DesiredMachine, error: ProxmoxError) -> ProxmoxError:
    """The error to raise for a creation that failed with ``error``. Proxmox's own check is the last one: the list
    that the plan was made from may have missed a machine that is on another node (facts: it can lag)."""
    taken = _TAKEN.search(error.message)
    if taken is None or int(taken["vmid"]) != machine.vmid:
        return error
    try:
        note = work.hypervisor.read_machine(taken["node"], machine.vmid).config.get("description", "")
    except NotFoundError:
        return error
    mark = parse_note(str(note))
    if mark is None or mark.site != work.site.config.id:
        return error
    return ProxmoxError(
        f"it is on the node {taken['node']} already, which Proxmox's list did not show when the plan was made;"
        " nothing was done to it",
        where=str(machine.address),
        hint="see what is there now:\n\n  homeprod plan",
    )
