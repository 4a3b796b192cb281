"""How machines come to be and are configured, as a graph: site, apply, Proxmox; ring, control node, Ansible."""

from __future__ import annotations

import re
from collections.abc import Iterator

from homeprod.control.state import NodeState
from homeprod.core.sizes import GiB, MiB
from homeprod.diagram.graph import Edge, Graph, Node
from homeprod.diagram.network import shorten
from homeprod.diagram.states import list_moves
from homeprod.site.configured import find_control, list_environments
from homeprod.site.controlnode import ControlNode
from homeprod.site.machine import DataDisk, DataVirtualMachine, VirtualMachine
from homeprod.site.site import DeclaredMachine, Site, find_fixed

STATES = (NodeState.NEW, NodeState.LOCKED, NodeState.READY)
"""Those that a control node has while it is there."""
MOST_MACHINES = 90
"""Of an environment that are shown one by one."""


def describe_provisioning(site: Site) -> Graph:
    """Of a site that was checked."""
    nodes: list[Node] = [_describe_site(site), _PERSON, _describe_hypervisor(site)]
    edges = [
        Edge("site", "person", "git", ("checked, then planned",)),
        Edge("person", "proxmox", "make", ("by an API token",)),
        Edge("proxmox", "machines", "make", ("creates: images, disks, VMs, cloud-init CDs",)),
    ]
    for number, declared in enumerate(list_control_nodes(site)):
        control = find_control(declared.machine)
        if control is not None:
            nodes += _list_control(site, declared, control, f"control{number}")
            edges += _connect_control(site, declared, f"control{number}")
    nodes += [Node("machines", "machines", "machines"), *_list_machines(site)]
    polling = [name for name, one in site.machines.items() if "harbormaster" in getattr(one.machine, "kept_by", ())]
    if polling:
        nodes.append(Node("apps", "git", "apps", ("what Docker Compose runs, for", *shorten(polling)), aside="git"))
        shown = {node.key for node in nodes}
        ends = [key for name in polling if (key := str(site.machines[name].address)) in shown]
        edges += [Edge("apps", key, "poll", ("Harbormaster polls it",)) for key in ends]
    return Graph(f"{site.config.name}: how machines are made and configured", tuple(nodes), tuple(edges))


def list_control_nodes(site: Site) -> list[DeclaredMachine]:
    """Those that an environment names."""
    named = {environment.control_node for environment in list_environments(site)}
    return [one for name, one in site.machines.items() if name in named and find_control(one.machine) is not None]


_PERSON = Node(
    "person", "person", "a person", ("homeprod plan: what differs", "homeprod apply: does just that"),
    aside="at a terminal",
)  # fmt: skip


def _describe_site(site: Site) -> Node:
    count = sum(not isinstance(one.machine, DataVirtualMachine) for one in site.machines.values())
    data = len(site.machines) - count
    words = [_count(count, "machine"), *([_count(data, "data VM")] if data else [])]
    return Node("site", "git", "site", ("modules/*.py, typed", ", ".join(words)), aside="git")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def _describe_hypervisor(site: Site) -> Node:
    nodes = sorted(
        {site.config.cluster.node, *(one.machine.node for one in site.machines.values() if one.machine.node)}
    )
    endpoints = [re.sub(r"^https://", "", one) for one in site.config.cluster.endpoints]
    lines = (*endpoints, "what homeprod made carries its mark: no state file")
    return Node("proxmox", "hypervisor", "Proxmox VE", lines, aside=", ".join(nodes))


def _list_control(site: Site, declared: DeclaredMachine, control: ControlNode, key: str) -> Iterator[Node]:
    environments = list_environments(site, declared.name)
    branches = [environment.branch or environment.name for environment in environments]
    word = "branches" if len(branches) > 1 else "branch"
    yield Node(
        f"{key}playbooks",
        "git",
        "playbooks",
        (_shorten(control.playbooks), f"{word} {', '.join(branches)}: signed"),
        aside="git",
    )
    yield Node(f"{key}vault", "git", "vault", (_shorten(control.vault), "encrypted, signed"), aside="git")
    lines = (
        f"configures {', '.join(one.name for one in environments)}",
        "holds keys in memory alone, while it is Ready",
    )
    yield Node(key, "control", declared.name, lines, aside=_tell_address(site, declared))
    yield from (Node(f"{key}{state.value}", "state", state.value, within=key) for state in STATES)
    mounts = declared.machine.mounts if isinstance(declared.machine, VirtualMachine) else ()
    for number, mount in enumerate(mounts):
        owner = site.owner(mount.disk)
        lines = (
            f"never booted; owns {_tell_disk(mount.disk)} on {mount.disk.on.name}",
            f"here at {mount.at}, with the sealed keyring",
        )
        yield Node(f"{key}disk{number}", "data", owner.name if owner else mount.disk.label, lines, key, "data VM")


def _connect_control(site: Site, declared: DeclaredMachine, key: str) -> Iterator[Edge]:
    yield Edge(f"{key}playbooks", key, "git")
    yield Edge(f"{key}vault", key, "git")
    yield Edge("person", key, "ring", ("signed ring",))
    yield Edge("person", key, "unlock", ("bootstrap", "unlock"))
    for before, after, events in list_moves():
        if before in STATES and after in STATES and before is not after:
            yield Edge(f"{key}{before.value}", f"{key}{after.value}", "move", tuple(events))
    for environment in list_environments(site, declared.name):
        yield Edge(key, f"environment/{environment.name}", "ansible", ("configures: Ansible over SSH",))


def _list_machines(site: Site) -> Iterator[Node]:
    for environment in list_environments(site):
        key = f"environment/{environment.name}"
        by = f"configured by {environment.control_node}" if environment.control_node else "configured by nobody"
        yield Node(key, "environment", environment.name, (), "machines", by)
        own = [one for one in site.machines.values() if one.machine.environment == environment]
        own.sort(key=lambda one: (isinstance(one.machine, DataVirtualMachine), one.machine.number or 0, one.name))
        shown = own if len(own) <= MOST_MACHINES else own[: MOST_MACHINES - 1]
        yield from (_describe_machine(site, one, key) for one in shown)
        if len(shown) < len(own):
            yield Node(f"{key}/more", "machine", f"and {len(own) - len(shown)} more", (), key)


def _describe_machine(site: Site, declared: DeclaredMachine, within: str) -> Node:
    machine = declared.machine
    if isinstance(machine, DataVirtualMachine):
        lines = tuple(f"owns {_tell_disk(disk)}" for disk in machine.disks)
        return Node(str(declared.address), "data", declared.name, lines, within, "data VM")
    words = ["control node"] if find_control(machine) is not None else []
    if "harbormaster" in machine.kept_by:  # type: ignore[attr-defined]
        words.append("with Harbormaster")
    if not machine.started:  # type: ignore[attr-defined]
        words.append("left stopped")
    return Node(
        str(declared.address),
        "machine",
        declared.name,
        (", ".join(words),) if words else (),
        within,
        _tell_address(site, declared),
    )


def _tell_address(site: Site, declared: DeclaredMachine) -> str:
    number = find_fixed(declared.machine)
    return str(site.config.addresses.network.address(number)) if number is not None else "DHCP"


def _tell_disk(disk: DataDisk) -> str:
    size = f"{disk.size // GiB} GiB" if disk.size % GiB == 0 else f"{disk.size // MiB} MiB"
    return f"{disk.label}, {size}"


def _shorten(url: str) -> str:
    """The repository's own name."""
    return url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
