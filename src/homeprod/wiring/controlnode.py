"""A site's control nodes as machines: which one is meant, and what its guest agent reads there."""

from __future__ import annotations

from homeprod.core.errors import TransientError, UnreachableError, UsageError
from homeprod.engine.ports import Hypervisor
from homeprod.plan.actual import ListedMachine
from homeprod.site.configured import find_control, require_machine
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

_DECLARING = """\
declare one, and name it where it configures machines (docs/how-to/control-node.md has the whole of it):

  modules/_config.py         lab = Environment(name="lab", control_node="lab-ansible")
  modules/lab_ansible_vm.py  vm = VirtualMachine(…, control=ControlNode(playbooks=…, vault=…, administrators=(…,)))"""


def choose_node(site: Site, name: str = "") -> str:
    """The control node of that name, or the only one that is started. Raises UsageError."""
    known = [declared for declared in site.machines.values() if find_control(declared.machine)]
    started = [d.name for d in known if isinstance(d.machine, VirtualMachine) and d.machine.started]
    if not known:
        raise UsageError("the site has no control node", hint=_DECLARING)
    there = ", ".join(declared.name for declared in known)
    if name:
        if find_control(require_machine(site, name).machine) is None:
            raise UsageError(f"{name} is no control node", hint=f"there are: {there}")
        return name
    if len(started) != 1:
        which = "several control nodes" if started else "no control node that is to run"
        raise UsageError(f"the site has {which}: say which is meant", hint=f"there are: {there}")
    return started[0]


def read_node_file(site: Site, hypervisor: Hypervisor, node: str, path: str) -> str | None:
    """A file of the control node, through its guest agent; None where it is not there. Raises UnreachableError where
    the machine is not made, does not run, or its agent does not answer."""
    listed = find_running(site, hypervisor, node)
    try:
        text = hypervisor.read_guest_file(listed.node, listed.vmid, path)
        if text is not None or hypervisor.ping_agent(listed.node, listed.vmid):
            return text
    except TransientError as error:
        raise _miss_agent(node) from error
    raise _miss_agent(node)


def find_running(site: Site, hypervisor: Hypervisor, node: str) -> ListedMachine:
    """The control node as Proxmox lists it. One call. Raises UnreachableError where it is not made, or does not
    run."""
    vmid = site.vmid(site.machines[node].machine)
    listed = next((one for one in hypervisor.read_resources().machines if one.vmid == vmid), None)
    if listed is None:
        raise UnreachableError("it is not made yet", where=f"vm/{node}", hint=f"make it:\n\n  {_apply(node)}")
    if listed.status != "running":
        raise _refuse_state(site, node, listed)
    return listed


def _refuse_state(site: Site, node: str, listed: ListedMachine) -> UnreachableError:
    machine = site.machines[node].machine
    if listed.status != "stopped":  # as Proxmox says of what it cannot ask
        hint = "see what of the cluster answers:\n\n  homeprod doctor"
        return UnreachableError(f"its Proxmox node {listed.node} is off", where=f"vm/{node}", hint=hint)
    if isinstance(machine, VirtualMachine) and not machine.started:
        hint = f"take started=False out of its module, and start it:\n\n  {_apply(node)} --start"
        return UnreachableError("it is stopped, as the site says", where=f"vm/{node}", hint=hint)
    hint = f"start it; it is Locked then:\n\n  {_apply(node)} --start\n  ssh -t {node} unlock"
    return UnreachableError("it is stopped", where=f"vm/{node}", hint=hint)


def _miss_agent(node: str) -> UnreachableError:
    hint = (
        "it may be booting still, which its console shows (in a lab of --no-boot it never will)"
        f"; where it was never finished, see why:\n\n  {_apply(node)}"
    )
    return UnreachableError("its guest agent does not answer", where=f"vm/{node}", hint=hint)


def _apply(node: str) -> str:
    return f"homeprod apply --only {node}"
