"""Checks of control nodes: what no single declaration can know."""

from __future__ import annotations

from collections.abc import Callable

from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.bundle import PYTHONS
from homeprod.site.configured import (
    find_awaited_key,
    find_control,
    find_control_node,
    find_control_user,
    list_environments,
)
from homeprod.site.controlnode import ControlNode
from homeprod.site.declared import Declared, is_broken
from homeprod.site.knownhosts import SSH_PORT, is_known, read_server
from homeprod.site.machine import Environment, VirtualMachine
from homeprod.site.people import ControlUser, Person
from homeprod.site.site import Site

HOME = "/var/lib/ansible"
"""Where a control node keeps its sealed keys: a data disk, so that it can be made again."""
LEAST_MEMORY = 1024**3
Report = Callable[[Declared, str, str, str], None]
"""Takes the declaration, its argument, what is wrong, and what to do."""


def check_control(site: Site, report: Report) -> None:
    for environment in list_environments(site):
        _check_environment(site, environment, report)
        _check_upkeep(site, environment, report)
    for declared in site.machines.values():
        machine = declared.machine
        if is_broken(machine) or not isinstance(machine, VirtualMachine | AdoptedVirtualMachine):
            continue
        _check_users(machine, report)
        if declared.name == machine.environment.control_node and (file := find_awaited_key(site, machine)):
            message = f"it would wait for {file}, which is made by nobody but itself"
            report(machine, "people", message, "leave the control user out of the control node's own people")
        control = find_control(machine)
        if isinstance(machine, VirtualMachine) and control is not None and not is_broken(control):
            _check_node(machine, control, report)


def _check_users(machine: VirtualMachine | AdoptedVirtualMachine, report: Report) -> None:
    if find_control_user(machine) is not None and not machine.environment.control_node:
        message = f"its environment {machine.environment.name} has no control node, so nobody logs in as that user"
        report(machine, "people", message, "write control_node= into the Environment, or leave the user out")
    names = [one.name for one in machine.people if isinstance(one, ControlUser) and not is_broken(one)]
    if len(names) > 1:
        message = f"it has the control users {' and '.join(names)}, and its control node logs in as one"
        report(machine, "people", message, "keep one of them; who logs in besides is a Person with keys of their own")


def _check_environment(site: Site, environment: Environment, report: Report) -> None:
    name = environment.control_node
    if not name or is_broken(environment) or find_control_node(site, environment) is not None:
        return
    if name in site.machines and is_broken(site.machines[name].machine):
        return
    if name in site.machines:
        report(environment, "control_node", f"{name} is no control node", "give its machine control=ControlNode(…)")
        return
    if (site.root / "modules" / f"{name.replace('-', '_')}_vm.py").exists():
        return  # its module failed to load, and that was reported
    known = ", ".join(sorted(n for n, d in site.machines.items() if find_control(d.machine))) or "none"
    report(environment, "control_node", f"the site has no machine {name}", f"control nodes there are: {known}")


def _check_upkeep(site: Site, environment: Environment, report: Report) -> None:
    upkeep = environment.upkeep
    if is_broken(environment) or upkeep is None or is_broken(upkeep):
        return
    if "upkeep" in environment.model_fields_set and not environment.control_node:
        message = "it has no control node, so nobody keeps its machines"
        report(environment, "upkeep", message, "write control_node= into the Environment, or leave upkeep= out")
    if upkeep.window and not site.config.time_zone and not is_broken(site.config):
        message = "nobody knows which hours are meant: the site has no time zone"
        report(upkeep, "window", message, 'write into SiteConfig:\n\n  time_zone="Europe/Berlin",')


def _check_node(machine: VirtualMachine, control: ControlNode, report: Report) -> None:
    if not any(mount.at == HOME for mount in machine.mounts if not is_broken(mount)):
        message = f"a control node needs a data disk at {HOME}, for its keys outlive the machine"
        report(machine, "mounts", message, f'write mounts=(Mount(disk=…, at="{HOME}"),)')
    if not is_broken(machine.image) and machine.image.release not in PYTHONS:
        tested = ", ".join(PYTHONS)
        report(machine, "image", f"no control node was tested on {machine.image.release}", f"tested: {tested}")
    if machine.memory < LEAST_MEMORY:
        report(machine, "memory", "a control node needs 1 GiB: unlocking alone takes a quarter of that", "")
    if machine.dhcp:
        report(machine, "dhcp", "a control node needs an address that stays", "")
    names = [person.name for person in machine.people if not is_broken(person)]
    for person in control.administrators:
        if not is_broken(person) and person.name not in names:
            message = f"the administrator {person.name} is none of its people, so cannot log in"
            report(machine, "people", message, "")
    _check_git_hosts(control, report)
    for person in (*control.administrators, *control.ringers):
        _check_ring_key(person, report)


def _check_git_hosts(control: ControlNode, report: Report) -> None:
    """It believes a git host by its pinned key alone, and asks nobody: without one it would wait for ever."""
    told: set[str] = set()
    for keyword, url in (("playbooks", control.playbooks), ("vault", control.vault)):
        server = read_server(url)
        if server is None or server.label in told or is_known(server, control.git_host_keys):
            continue
        told.add(server.label)
        message = f"git_host_keys holds no key of {server.label}, so the control node could not know it"
        port = "" if server.port == SSH_PORT else f"-p {server.port} "
        hint = "compare the fingerprint with the host's own, and write the line there:\n\n  ssh-keyscan -t ed25519 "
        report(control, keyword, message, f"{hint}{port}{server.host}")


def _check_ring_key(person: Person, report: Report) -> None:
    """Rings are signed by ed25519 (`v1a` of Standard Webhooks), which a plain key alone makes."""
    if is_broken(person) or any(key.startswith("ssh-ed25519 ") for key in person.keys):
        return
    message = f"{person.name} has no ed25519 key, and rings are signed by such a one"
    report(person, "keys", message, "make one, and add its public half:\n\n  ssh-keygen -t ed25519")
