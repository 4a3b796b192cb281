"""Resource pools, by the old path (/pools/{poolid}) and the new one (/pools?poolid=)."""

from __future__ import annotations

from typing import Any

from homeprod.lab.api import formats as f
from homeprod.lab.api.calls.cluster import show_storage_resource
from homeprod.lab.api.error import ApiError
from homeprod.lab.api.routing import Call, Route, allow
from homeprod.lab.api.schema import Prop
from homeprod.lab.machine.view import show_resource
from homeprod.lab.pools import Pool

_KINDS = ("qemu", "lxc", "storage")


def _find(call: Call) -> Pool:
    name = call.text("poolid")
    pool = call.hypervisor.pools.pools.get(name)
    if pool is None:
        raise ApiError(f"pool '{name}' does not exist")
    return pool


def _show_members(call: Call, pool: Pool) -> list[dict[str, Any]]:
    hypervisor, kind = call.hypervisor, call.text("type")
    machines = [hypervisor.machines.find(vmid) for vmid in pool.machines] if kind in ("", "qemu") else []
    members = [show_resource(hypervisor, machine) for machine in machines if machine is not None]
    if kind in ("", "storage"):
        for name in pool.storages:
            storage = hypervisor.storages.get(name)
            if storage is not None:
                members += [show_storage_resource(hypervisor, node, storage) for node in hypervisor.spec.nodes]
    return members


def _show(call: Call, pool: Pool) -> dict[str, Any]:
    entry: dict[str, Any] = {"members": _show_members(call, pool)}
    return {**entry, "comment": pool.comment} if pool.comment else entry


def list_pools(call: Call) -> list[dict[str, Any]]:
    if call.text("poolid"):
        call.require(f"/pool/{call.text('poolid')}", "Pool.Audit")
        return [{"poolid": call.text("poolid"), **_show(call, _find(call))}]
    shown: list[dict[str, Any]] = []
    for name, pool in call.hypervisor.pools.pools.items():
        if call.holds(f"/pool/{name}", "Pool.Audit", "Pool.Allocate", any_of=True):
            shown.append({"poolid": name, "comment": pool.comment} if pool.comment else {"poolid": name})
    return shown


def read_pool(call: Call) -> dict[str, Any]:
    return _show(call, _find(call))


def create_pool(call: Call) -> None:
    pools, name = call.hypervisor.pools, call.text("poolid")
    if name in pools.pools:
        raise ApiError(f"create pool failed: pool '{name}' already exists")
    parent = name.rpartition("/")[0]
    if parent and parent not in pools.pools:
        raise ApiError(f"create pool failed: parent '{parent}' of pool '{name}' does not exist")
    pools.pools[name] = Pool(call.text("comment"))
    pools.save()


def change_pool(call: Call) -> None:
    pools, name = call.hypervisor.pools, call.text("poolid")
    try:
        pool = _find(call)
        if "comment" in call.params:
            pool.comment = call.text("comment")
        for vmid in map(int, f.split_list(call.text("vms"))):
            call.require(f"/vms/{vmid}", "Permissions.Modify")
            _change_machine(call, pool, name, vmid)
        for storage in f.split_list(call.text("storage")):
            call.require(f"/storage/{storage}", "Permissions.Modify")
            _change_storage(call, pool, storage)
    except ApiError as error:
        if error.status != 500:
            raise
        raise ApiError(f"update pools failed: {error.message}") from error
    pools.save()


def _change_machine(call: Call, pool: Pool, name: str, vmid: int) -> None:
    if call.flag("delete"):
        if vmid not in pool.machines:
            raise ApiError(f"VM {vmid} is not a pool member")
        pool.machines.remove(vmid)
        return
    known = call.hypervisor.pools.find(vmid)
    if known == name:
        raise ApiError(f"VM {vmid} is already a pool member")
    if known is not None and not call.flag("allow-move"):
        raise ApiError(f"VM {vmid} belongs already to pool '{known}' and 'allow-move' is not set")
    call.hypervisor.pools.remove_machine(vmid)
    pool.machines.append(vmid)


def _change_storage(call: Call, pool: Pool, storage: str) -> None:
    if call.flag("delete"):
        if storage not in pool.storages:
            raise ApiError(f"Storage '{storage}' is not a pool member")
        pool.storages.remove(storage)
    elif storage in pool.storages:
        raise ApiError(f"Storage '{storage}' is already a pool member")
    else:
        pool.storages.append(storage)


def delete_pool(call: Call) -> None:
    pools, name = call.hypervisor.pools, call.text("poolid")
    pool = pools.pools.get(name)
    if pool is None:
        raise ApiError(f"delete pool failed: pool '{name}' does not exist")
    machines = [vmid for vmid in pool.machines if vmid in call.hypervisor.machines]
    if machines:
        raise ApiError(f"delete pool failed: pool '{name}' is not empty (contains VM {machines[0]})")
    if pool.storages:
        raise ApiError(f"delete pool failed: pool '{name}' is not empty (contains storage '{pool.storages[0]}')")
    del pools.pools[name]
    pools.save()


_name = Prop(form=f.pool_id, optional=False)
_change_table = {
    "comment": Prop(),
    "vms": Prop(form=f.each(f.vmid)),
    "storage": Prop(form=f.each(f.storage_id)),
    "allow-move": Prop("boolean"),
    "delete": Prop("boolean"),
}
_modify = allow("/pool/{poolid}", "Pool.Allocate")


def _modify_named(call: Call) -> None:
    """The newer paths carry the pool among the parameters, which are there before they are verified."""
    call.require(f"/pool/{call.text('poolid')}", "Pool.Allocate")


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/pools",
        list_pools,
        {"poolid": Prop(form=f.pool_id), "type": Prop(enum=_KINDS, requires="poolid")},
    ),
    Route("POST", "/pools", create_pool, {"poolid": _name, "comment": Prop()}, _modify_named),
    Route("PUT", "/pools", change_pool, {"poolid": _name, **_change_table}, _modify_named),
    Route("DELETE", "/pools", delete_pool, {"poolid": _name}, _modify_named),
    Route("GET", "/pools/{poolid}", read_pool, {"type": Prop(enum=_KINDS)}, allow("/pool/{poolid}", "Pool.Audit")),
    Route("PUT", "/pools/{poolid}", change_pool, _change_table, _modify),
    Route("DELETE", "/pools/{poolid}", delete_pool, {}, _modify),
)
