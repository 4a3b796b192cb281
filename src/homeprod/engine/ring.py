"""Ring: the last step of a machine that a control node configures: it is told that the machine is there.

The machine's public host key is read through the guest agent and goes with the ring, so that the control node knows
whom it gives secrets to.
"""

from __future__ import annotations

from collections.abc import Mapping

from homeprod.core.address import Address
from homeprod.core.errors import TransientError
from homeprod.engine.ports import Bell, Hypervisor, Ring
from homeprod.engine.work import Say, Work
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.plan import Plan
from homeprod.site.configured import name_keeper
from homeprod.site.site import Site

HOST_KEY_FILE = "/etc/ssh/ssh_host_ed25519_key.pub"


def read_host_key(hypervisor: Hypervisor, place: tuple[str, int]) -> str | None:
    """The machine's public ed25519 host key, as its sshd has it, by node and VMID; None where its guest agent does
    not answer, or knows of none."""
    try:
        text = hypervisor.read_guest_file(*place, HOST_KEY_FILE)
    except TransientError:
        return None
    return " ".join(text.split()[:2]) if text is not None else None


def ring(work: Work, change: Change, say: Say) -> str:
    """Why the machine waits for its control node, or nothing. Raises HomeprodError."""
    node = find_keeper(work.site, change)
    if not node or work.bell is None:
        return ""
    place = (change.node, change.vmid)
    return _ring(work.hypervisor, work.bell, node, change.address.name, place, change.instance, say)


def find_keeper(site: Site, change: Change) -> str:
    """The control node that a change of the machine is told to; empty where there is none. One that homeprod did not
    make is told of by whoever made it, or by hand."""
    declared = site.machines.get(change.address.name)
    return name_keeper(site, declared) if declared is not None else ""


def will_ring(site: Site, change: Change, found: ActualMachine) -> bool:
    """Whether a change of a machine that is there is told to a control node: one that runs, and is finished. One that
    is not rings when it is finished."""
    return bool(find_keeper(site, change)) and found.is_running and not found.is_new


def list_rung(site: Site, plan: Plan, actual: Actual, desired: Mapping[Address, DesiredMachine]) -> set[str]:
    """The control nodes that are rung at when all of the plan is done, and waited for."""
    finished = plan.of(Action.CREATE, Action.REPLACE, Action.FINISH)
    rung = [change for change in finished if change.address in desired and desired[change.address].is_started]
    changed = plan.of(Action.UPDATE, Action.ADOPT)
    rung += [change for change in changed if will_ring(site, change, actual.machines[change.vmid])]
    return {find_keeper(site, change) for change in rung} - {""}


def ring_machine(hypervisor: Hypervisor, bell: Bell, node: str, host: str, found: ActualMachine, say: Say) -> str:
    """The same for a machine as it was read, which carries a mark."""
    instance = found.mark.instance if found.mark is not None else ""
    return _ring(hypervisor, bell, node, host, (found.listed.node, found.listed.vmid), instance, say)


def _ring(
    hypervisor: Hypervisor, bell: Bell, node: str, host: str, place: tuple[str, int], instance: str, say: Say
) -> str:
    key = read_host_key(hypervisor, place)
    if key is None:
        return f"its guest agent did not give {HOST_KEY_FILE}, by which {node} would know it"
    say(f"ringing at {node}")
    return bell.ring(node, Ring(host, f"{place[1]}-{instance}", (key,)), say)
