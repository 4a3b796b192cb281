"""What the API shows of a machine: its configuration, what waits, its status, its line in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeprod.lab.api.error import ApiError
from homeprod.lab.api.schema import Release
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.boot import parse_order
from homeprod.lab.machine.document import Config, type_value
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.options import DRIVE_SLOTS
from homeprod.lab.machine.store import Machine

HIDDEN = "**********"
"""Shown for ``cipassword``."""


def _show(key: str, value: str) -> str | int:
    return HIDDEN if key == "cipassword" else type_value(key, value)


def show_config(machine: Machine, *, current: bool = False, snapshot: str = "") -> dict[str, Any]:
    """GET config: as it will be, or with ``current`` as it is, or as a snapshot holds it."""
    document = machine.document
    if snapshot:
        if snapshot not in document.snapshots:
            raise ApiError(f"snapshot '{snapshot}' does not exist")
        config: Config = document.snapshots[snapshot]
    else:
        config = document.current if current else document.wanted()
    return {**{key: _show(key, value) for key, value in config.items()}, "digest": machine.digest}


def show_pending(machine: Machine) -> list[dict[str, Any]]:
    """GET pending: each key with its value in force and what waits for it."""
    document = machine.document
    entries: list[dict[str, Any]] = []
    for key, value in document.current.items():
        entry: dict[str, Any] = {"key": key, "value": _show(key, value)}
        if key in document.delete:
            entry["delete"] = 2 if document.delete[key] else 1
        elif key in document.pending:
            entry["pending"] = _show(key, document.pending[key])
        entries.append(entry)
    for key, value in document.pending.items():
        if key not in document.current:
            entries.append({"key": key, "pending": _show(key, value)})
    entries.append({"key": "digest", "value": machine.digest})
    return entries


@dataclass(frozen=True, slots=True)
class Facts:
    """What lists need of a configuration, worked out once for each version of it. ``memory`` and ``disk`` in
    bytes."""

    name: str
    cpus: int
    memory: int
    disk: int
    tags: str
    lock: str
    is_template: bool
    has_agent: bool
    has_serial: bool


def facts_of(machine: Machine, release: Release) -> Facts:
    facts = machine.memo.get("facts")
    if facts is None:
        facts = machine.memo["facts"] = _work_out(machine, release)
    return facts


def _work_out(machine: Machine, release: Release) -> Facts:
    config = machine.document.current
    cpus = int(config.get("cores", "1")) * int(config.get("sockets", "1"))
    memory = config.get("memory", "512").removeprefix("current=")
    agent = config.get("agent", "0")
    return Facts(
        name=config.get("name", f"VM {machine.vmid}"),
        cpus=min(cpus, int(config.get("vcpus", cpus))),
        memory=int(memory) * 1024**2,
        disk=_boot_disk_size(config, release),
        tags=config.get("tags", "").strip(),
        lock=config.get("lock", ""),
        is_template=config.get("template") == "1",
        has_agent=agent.removeprefix("enabled=")[:1] == "1" or agent[:2] == "on",
        has_serial=any(key.startswith("serial") for key in config),
    )


def _boot_disk_size(config: Config, release: Release) -> int:
    for slot in [*(parse_order(config.get("boot", ""), release) or []), *DRIVE_SLOTS]:
        if slot in config and slot in DRIVE_SLOTS:
            drive = parse_drive(slot, config[slot], release)
            if drive is not None and not drive.is_cdrom and drive.is_volume:
                return drive.size or 0
    return 0


def show_status(hypervisor: Hypervisor, machine: Machine, *, full: bool = True) -> dict[str, Any]:
    """GET status/current; without ``full`` the line of GET /nodes/{node}/qemu."""
    facts = facts_of(machine, hypervisor.release)
    is_running = hypervisor.is_running(machine.vmid)
    status: dict[str, Any] = {
        "vmid": machine.vmid,
        "name": facts.name,
        "status": "running" if is_running else "stopped",
        "cpu": 0,
        "cpus": facts.cpus,
        "mem": 0,
        "maxmem": facts.memory,
        "memhost": 0,
        "disk": 0,
        "maxdisk": facts.disk if full or is_running else 0,
        "netin": 0,
        "netout": 0,
        "diskread": 0,
        "diskwrite": 0,
        "uptime": hypervisor.uptime(machine.vmid),
    }
    if facts.tags:
        status["tags"] = facts.tags
    if facts.lock:
        status["lock"] = facts.lock
    if facts.is_template:
        status["template"] = 1
    if is_running and (pid := hypervisor.runner.pid(machine.vmid)):
        status["pid"] = pid
    return {**status, **_show_more(facts, is_running)} if full else status


def _show_more(facts: Facts, is_running: bool) -> dict[str, Any]:
    more: dict[str, Any] = {"qmpstatus": "running" if is_running else "stopped", "ha": {"managed": 0}}
    if facts.has_agent:
        more["agent"] = 1
    if facts.has_serial:
        more["serial"] = 1
    return more


def show_resource(hypervisor: Hypervisor, machine: Machine) -> dict[str, Any]:
    """A machine's line in /cluster/resources. Of one on a node that is off, only what the cluster's own file system
    holds is known: its place, tags and lock."""
    facts = facts_of(machine, hypervisor.release)
    if machine.node in hypervisor.offline:
        return _add_words({**_identify(machine), "status": "unknown"}, hypervisor, machine)
    line: dict[str, Any] = {
        **_identify(machine),
        "name": facts.name,
        "status": "running" if hypervisor.is_running(machine.vmid) else "stopped",
        "template": int(facts.is_template),
        "cpu": 0,
        "maxcpu": facts.cpus,
        "mem": 0,
        "maxmem": facts.memory,
        "disk": 0,
        "maxdisk": facts.disk,
        "netin": 0,
        "netout": 0,
        "diskread": 0,
        "diskwrite": 0,
        "uptime": hypervisor.uptime(machine.vmid),
    }
    return _add_words(line, hypervisor, machine)


def _identify(machine: Machine) -> dict[str, Any]:
    return {"id": f"qemu/{machine.vmid}", "type": "qemu", "vmid": machine.vmid, "node": machine.node}


def _add_words(line: dict[str, Any], hypervisor: Hypervisor, machine: Machine) -> dict[str, Any]:
    facts = facts_of(machine, hypervisor.release)
    if facts.tags:
        line["tags"] = facts.tags
    if facts.lock:
        line["lock"] = facts.lock
    if machine.vmid in hypervisor.ha.managed:
        line["hastate"] = "started"
    if pool := hypervisor.pools.find(machine.vmid):
        line["pool"] = pool
    return line
