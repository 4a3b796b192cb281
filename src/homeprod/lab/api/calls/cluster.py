"""/version, /access, /cluster and /nodes: what a client asks before it does anything."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

from homeprod.lab.api import formats as f
from homeprod.lab.api.access import Identity
from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.routing import Call, Route, allow
from homeprod.lab.api.schema import Prop
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.view import show_resource
from homeprod.lab.spec import StorageSpec

REPOID = "0000000000000000"
CAPABILITIES = {
    "vms": "/vms", "storage": "/storage", "access": "/access", "nodes": "/nodes", "dc": "/", "sdn": "/sdn",
    "mapping": "/mapping",
}  # fmt: skip
_PREFIXES = {
    "vms": ("VM.",), "storage": ("Datastore.",), "access": ("User.", "Group.", "Realm.", "Permissions."),
    "nodes": ("Sys.",), "dc": ("Sys.", "SDN."), "sdn": ("SDN.",), "mapping": ("Mapping.",),
}  # fmt: skip


def read_version(call: Call) -> dict[str, str]:
    major, minor = call.hypervisor.release
    return {"release": f"{major}.{minor}", "repoid": REPOID, "version": call.hypervisor.spec.version}


def log_in(call: Call) -> dict[str, Any]:
    """A ticket for two hours, its CSRF token, and what the user may do."""
    access = call.hypervisor.access
    username = call.text("username")
    if (realm := call.text("realm")) and "@" not in username:
        username = f"{username}@{realm}"
    user = access.log_in(username, call.text("password"))
    identity = Identity(user.id)
    capabilities = {
        name: {p: 1 for p in access.privileges(identity, path) if p.startswith(_PREFIXES[name])}
        for name, path in CAPABILITIES.items()
    }
    return {
        "username": user.id,
        "ticket": access.make_ticket(user),
        "CSRFPreventionToken": access.make_csrf(user),
        "cap": capabilities,
    }


def read_log_in(_: Call) -> None:
    """GET of the ticket path exists for Proxmox's own web page, and answers nothing."""


def list_realms(_: Call) -> list[dict[str, str]]:
    return [
        {"realm": "pam", "type": "pam", "comment": "Linux PAM standard authentication"},
        {"realm": "pve", "type": "pve", "comment": "Proxmox VE authentication server"},
    ]


def read_permissions(call: Call) -> dict[str, dict[str, int]]:
    who = call.who
    if (userid := call.text("userid")) and userid != who.id:
        call.require("/access", "Sys.Audit")
        if userid.partition("!")[0] not in call.hypervisor.access.users:
            raise ApiError(f"no such user ('{userid}')")
        who = Identity(userid)
    return call.hypervisor.access.list_permissions(who, call.text("path") or None)


def read_cluster(_: Call) -> list[dict[str, str]]:
    return [{"name": name} for name in ("nextid", "resources", "status", "tasks")]


def next_id(call: Call) -> str:
    machines = call.hypervisor.machines
    wanted = call.params.get("vmid")
    if wanted is None:
        return str(machines.next_id())
    if int(wanted) in machines:
        raise refuse_parameters({"vmid": f"VM {wanted} already exists"})
    return str(wanted)


def read_cluster_status(call: Call) -> list[dict[str, Any]]:
    nodes = call.hypervisor.spec.nodes
    entries: list[dict[str, Any]] = []
    if len(nodes) > 1:
        name = call.hypervisor.spec.name
        entries.append(
            {"id": "cluster", "type": "cluster", "name": name, "nodes": len(nodes), "quorate": 1, "version": 2}
        )
    for number, node in enumerate(nodes, 1):
        entries.append(
            {
                "id": f"node/{node}",
                "type": "node",
                "name": node,
                "ip": "127.0.0.1",
                "level": "",
                "local": int(number == 1),
                "nodeid": number if len(nodes) > 1 else 0,
                "online": int(node not in call.hypervisor.offline),
            }
        )
    return entries


def read_resources(call: Call) -> list[dict[str, Any]]:
    """Machines, nodes, storages and bridges' zones, as far as the caller may see them."""
    kind = call.text("type")
    entries: list[dict[str, Any]] = []
    if kind in ("", "vm"):
        entries += _list_machines(call)
    if kind in ("", "node"):
        entries += [_show_node_resource(call, node) for node in call.hypervisor.spec.nodes]
    if kind in ("", "storage"):
        entries += _list_storages(call)
    if kind in ("", "sdn"):
        entries += _list_zones(call)
    if kind == "":
        entries += _list_pools(call)
    return entries


def _list_machines(call: Call) -> list[dict[str, Any]]:
    hypervisor = call.hypervisor
    sees_all = call.who.is_root or "VM.Audit" in hypervisor.access.privileges(call.who, "/vms")
    if not sees_all or (call.who.is_token and hypervisor.access.tokens[call.who.id].is_separated):
        shown = (m for m in hypervisor.machines if call.holds(f"/vms/{m.vmid}", "VM.Audit"))
        return [show_resource(hypervisor, machine) for machine in shown]
    return [show_resource(hypervisor, machine) for machine in hypervisor.machines]


def _show_node_resource(call: Call, node: str) -> dict[str, Any]:
    is_online = node not in call.hypervisor.offline
    status = "online" if is_online else "offline"
    entry: dict[str, Any] = {"id": f"node/{node}", "type": "node", "node": node, "status": status}
    if is_online and call.holds(f"/nodes/{node}", "Sys.Audit"):
        entry |= measure_node(call.hypervisor)
    return entry


def measure_node(hypervisor: Hypervisor) -> dict[str, Any]:
    """What every node of the lab shows of itself; memory as the lab's spec says."""
    return {
        "level": "",
        "cpu": 0.01,
        "maxcpu": os.cpu_count() or 1,
        "mem": hypervisor.spec.memory // 8,
        "maxmem": hypervisor.spec.memory,
        "disk": 8 * 1024**3,
        "maxdisk": 64 * 1024**3,
        "uptime": int(time.time() - hypervisor.began) + 1,
        "cgroup-mode": 2,
    }


def _list_storages(call: Call) -> list[dict[str, Any]]:
    return [
        show_storage_resource(call.hypervisor, node, storage)
        for node in call.hypervisor.spec.nodes
        for storage in call.hypervisor.storages.values()
        if call.holds(f"/storage/{storage.name}", "Datastore.Audit", "Datastore.AllocateSpace", any_of=True)
    ]


def show_storage_resource(hypervisor: Hypervisor, node: str, storage: StorageSpec) -> dict[str, Any]:
    """Of a node that is off only what stands in the storage's own configuration is known."""
    entry: dict[str, Any] = {
        "id": f"storage/{node}/{storage.name}",
        "type": "storage",
        "node": node,
        "storage": storage.name,
        "status": "unknown",
        "plugintype": storage.kind,
        "content": ",".join(storage.content),
        "shared": int(storage.is_shared),
    }
    if node in hypervisor.offline:
        return entry
    return {**entry, "status": "available", "disk": hypervisor.used_space(storage), "maxdisk": storage.size}


def _list_pools(call: Call) -> list[dict[str, Any]]:
    return [
        {"id": f"/pool/{name}", "type": "pool", "pool": name}
        for name in call.hypervisor.pools.pools
        if call.holds(f"/pool/{name}", "Pool.Audit")
    ]


def _list_zones(call: Call) -> list[dict[str, Any]]:
    if not call.holds("/sdn/zones/localnetwork", "SDN.Audit"):
        return []
    return [
        {
            "id": f"sdn/{node}/localnetwork",
            "type": "sdn",
            "node": node,
            "sdn": "localnetwork",
            "status": "ok",
        }
        for node in call.hypervisor.spec.nodes
    ]


def list_nodes(call: Call) -> list[dict[str, Any]]:
    entries = []
    for node in call.hypervisor.spec.nodes:
        entry = _show_node_resource(call, node)
        entry.pop("cgroup-mode", None)
        entries.append({**entry, "ssl_fingerprint": call.hypervisor.fingerprint})
    return entries


def read_node(_: Call) -> list[dict[str, str]]:
    return [{"name": name} for name in ("qemu", "storage", "status", "tasks", "time", "version")]


def read_node_status(call: Call) -> dict[str, Any]:
    measured = measure_node(call.hypervisor)
    total, used = measured["maxmem"], measured["mem"]
    cores = measured["maxcpu"]
    kernel = platform.uname()
    return {
        "boot-info": {"mode": "legacy-bios"},
        "cpu": measured["cpu"],
        "cpuinfo": {"cores": cores, "cpus": cores, "sockets": 1, "model": "homeprod lab"},
        "current-kernel": {
            "machine": kernel.machine, "release": kernel.release, "sysname": kernel.system, "version": kernel.version,
        },
        "kversion": f"{kernel.system} {kernel.release}",
        "loadavg": [f"{value:.2f}" for value in os.getloadavg()],
        "memory": {"total": total, "used": used, "free": total - used, "available": total - used},
        "pveversion": f"pve-manager/{call.hypervisor.spec.version}/{REPOID}",
        "rootfs": {
            "total": measured["maxdisk"], "used": measured["disk"], "free": measured["maxdisk"] - measured["disk"],
            "avail": measured["maxdisk"] - measured["disk"],
        },
        "swap": {"total": 0, "used": 0, "free": 0},
        "uptime": measured["uptime"],
        "wait": 0,
        "idle": 0,
    }  # fmt: skip


def read_time(_: Call) -> dict[str, Any]:
    now = int(time.time())
    return {"time": now, "localtime": now, "timezone": "Etc/UTC"}


VMID = Prop("integer", form=f.vmid, minimum=100, maximum=999999999)
_KINDS = ("vm", "storage", "node", "sdn")
ROUTES: tuple[Route, ...] = (
    Route("GET", "/version", read_version),
    Route("GET", "/access/ticket", read_log_in, is_public=True),
    Route(
        "POST",
        "/access/ticket",
        log_in,
        {
            "username": Prop(optional=False, max_length=64),
            "password": Prop(optional=False),
            "realm": Prop(form=f.realm, max_length=32),
            "otp": Prop(),
            "tfa-challenge": Prop(),
            "path": Prop(max_length=64, requires="privs"),
            "privs": Prop(max_length=64, requires="path", form=f.each(f.privilege)),
            "new-format": Prop("boolean"),
        },
        is_public=True,
    ),
    Route("GET", "/access/domains", list_realms, is_public=True),
    Route(
        "GET",
        "/access/permissions",
        read_permissions,
        {"path": Prop(), "userid": Prop(pattern=r"[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+(?:![A-Za-z][A-Za-z0-9.\-_]+)?")},
    ),
    Route("GET", "/cluster", read_cluster),
    Route("GET", "/cluster/nextid", next_id, {"vmid": VMID}),
    Route("GET", "/cluster/status", read_cluster_status, allow=allow("/", "Sys.Audit")),
    Route("GET", "/cluster/resources", read_resources, {"type": Prop(enum=_KINDS)}),
    Route("GET", "/nodes", list_nodes),
    Route("GET", "/nodes/{node}", read_node),
    Route("GET", "/nodes/{node}/status", read_node_status, allow=allow("/nodes/{node}", "Sys.Audit")),
    Route("GET", "/nodes/{node}/version", read_version),
    Route("GET", "/nodes/{node}/time", read_time, allow=allow("/nodes/{node}", "Sys.Audit")),
)
