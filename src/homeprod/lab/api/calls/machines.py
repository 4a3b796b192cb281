"""/nodes/{node}/qemu and all below it."""

from __future__ import annotations

from typing import Any

from homeprod.lab.api import formats as f
from homeprod.lab.api.privileges import CONFIG, agent_privileges
from homeprod.lab.api.routing import Allow, Call, Route, allow
from homeprod.lab.api.schema import Prop
from homeprod.lab.machine import agent, create, destroy, power, resize, update, view
from homeprod.lab.machine.options import DRIVE_SLOTS, OPTIONS
from homeprod.lab.machine.properties import MACHINE

MACHINE_PATH = "/nodes/{node}/qemu/{vmid}"
NINE = (9, 0)


def list_machines(call: Call) -> list[dict[str, Any]]:
    hypervisor = call.hypervisor
    return [
        view.show_status(hypervisor, machine, full=call.flag("full"))
        for machine in hypervisor.machines
        if machine.node == call.node and call.holds(f"/vms/{machine.vmid}", "VM.Audit")
    ]


def read_machine(call: Call) -> list[dict[str, str]]:
    call.hypervisor.machines.read(call.node, call.vmid)
    return [{"subdir": name} for name in ("config", "pending", "status", "unlink", "resize", "move", "agent")]


def read_config(call: Call) -> dict[str, Any]:
    machine = call.hypervisor.machines.read(call.node, call.vmid)
    return view.show_config(machine, current=call.flag("current"), snapshot=call.text("snapshot"))


def read_pending(call: Call) -> list[dict[str, Any]]:
    return view.show_pending(call.hypervisor.machines.read(call.node, call.vmid))


def read_status_index(call: Call) -> list[dict[str, str]]:
    call.hypervisor.machines.read(call.node, call.vmid)
    return [{"subdir": name} for name in ("current", "start", "stop", "shutdown", "reset", "reboot")]


def read_status(call: Call) -> dict[str, Any]:
    machine = call.hypervisor.machines.read(call.node, call.vmid)
    return view.show_status(call.hypervisor, machine)


def allow_agent(*, reads_file: bool = False) -> Allow:
    def check(call: Call) -> None:
        needed = agent_privileges(call.hypervisor.release, reads_file=reads_file)
        call.require(f"/vms/{call.params['vmid']}", *needed, any_of=True)

    return check


_audit = allow("/vms/{vmid}", "VM.Audit")
_power = allow("/vms/{vmid}", "VM.PowerMgmt")
_disk = allow("/vms/{vmid}", "VM.Config.Disk")
_config = allow("/vms/{vmid}", *CONFIG, any_of=True)


def _any_text(_: str, __: tuple[int, int]) -> None:
    """A format that the lab need not know: what carries it is refused whatever it says."""


_bool = Prop("boolean")
_digest = Prop(max_length=40)
_timeout = Prop("integer", minimum=0)
_change_table = {
    **OPTIONS,
    "delete": Prop(form=f.each(f.config_id)),
    "revert": Prop(form=f.each(f.config_id)),
    "digest": _digest,
    "skiplock": _bool,
    "force": Prop("boolean", requires="delete"),
}
_create_table = {
    **OPTIONS,
    "vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999, optional=False),
    "archive": Prop(max_length=255),
    "bwlimit": Prop("integer", minimum=0),
    "force": Prop("boolean", requires="archive"),
    "ha-managed": Prop("boolean", since=NINE),
    "import-working-storage": Prop(form=f.storage_id),
    "live-restore": _bool,
    "pool": Prop(form=f.pool_id),
    "start": _bool,
    "storage": Prop(form=f.storage_id),
    "unique": Prop("boolean", requires="archive"),
}
_start_table = {
    "skiplock": _bool,
    "timeout": _timeout,
    "machine": Prop(form=MACHINE),
    "force-cpu": Prop(),
    "migratedfrom": Prop(form=f.node),
    "migration_type": Prop(enum=("secure", "insecure")),
    "migration_network": Prop(form=_any_text),
    "nets-host-mtu": Prop(pattern=r"net\d+=\d+(,net\d+=\d+)*"),
    "stateuri": Prop(max_length=128),
    "targetstorage": Prop(form=_any_text),
    "with-conntrack-state": Prop("boolean", since=NINE),
}
_stop_table = {
    "skiplock": _bool,
    "timeout": _timeout,
    "keepActive": _bool,
    "migratedfrom": Prop(form=f.node),
    "overrule-shutdown": _bool,
}
_disks = tuple(DRIVE_SLOTS)
_slots = (*_disks, *(f"unused{n}" for n in range(256)))
_resize_table = {
    "disk": Prop(enum=(
        *(f"ide{n}" for n in range(4)), *(f"scsi{n}" for n in range(31)), *(f"virtio{n}" for n in range(16)),
        *(f"sata{n}" for n in range(6)), "efidisk0", "tpmstate0",
    ), optional=False),
    "size": Prop(pattern=r"\+?\d+(\.\d+)?[KMGT]?", optional=False),
    "digest": _digest,
    "skiplock": _bool,
}  # fmt: skip
_move_table = {
    "disk": Prop(enum=_slots, optional=False),
    "storage": Prop(form=f.storage_id),
    "format": Prop(enum=("raw", "qcow2", "vmdk")),
    "delete": _bool,
    "digest": _digest,
    "bwlimit": Prop("integer", minimum=0),
    "target-vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999),
    "target-disk": Prop(enum=_slots),
    "target-digest": _digest,
}

ROUTES: tuple[Route, ...] = (
    Route("GET", "/nodes/{node}/qemu", list_machines, {"full": _bool}),
    Route("POST", "/nodes/{node}/qemu", create.create_machine, _create_table),
    Route("GET", MACHINE_PATH, read_machine),
    Route(
        "DELETE",
        MACHINE_PATH,
        destroy.destroy_machine,
        {"purge": _bool, "destroy-unreferenced-disks": _bool, "skiplock": _bool},
        allow("/vms/{vmid}", "VM.Allocate"),
    ),
    Route(
        "GET",
        f"{MACHINE_PATH}/config",
        read_config,
        {"current": _bool, "snapshot": Prop(form=f.config_id, max_length=40)},
        _audit,
    ),
    Route("PUT", f"{MACHINE_PATH}/config", update.change_machine, _change_table, _config),
    Route(
        "POST",
        f"{MACHINE_PATH}/config",
        update.change_machine_in_task,
        {
            **_change_table,
            "background_delay": Prop("integer", minimum=1, maximum=30),
            "import-working-storage": Prop(form=f.storage_id),
        },
        _config,
    ),
    Route("GET", f"{MACHINE_PATH}/pending", read_pending, allow=_audit),
    Route(
        "PUT",
        f"{MACHINE_PATH}/unlink",
        update.unlink_drives,
        {"idlist": Prop(form=f.each(f.config_id), optional=False), "force": _bool},
        _disk,
    ),
    Route("PUT", f"{MACHINE_PATH}/resize", resize.resize_disk, _resize_table, _disk),
    Route("POST", f"{MACHINE_PATH}/move_disk", resize.move_disk, _move_table, _disk),
    Route("GET", f"{MACHINE_PATH}/status", read_status_index),
    Route("GET", f"{MACHINE_PATH}/status/current", read_status, allow=_audit),
    Route("POST", f"{MACHINE_PATH}/status/start", power.start_machine, _start_table, _power),
    Route("POST", f"{MACHINE_PATH}/status/stop", power.stop_machine, _stop_table, _power),
    Route(
        "POST",
        f"{MACHINE_PATH}/status/shutdown",
        power.shutdown_machine,
        {"skiplock": _bool, "timeout": _timeout, "forceStop": _bool, "keepActive": _bool},
        _power,
    ),
    Route("POST", f"{MACHINE_PATH}/status/reset", power.reset_machine, {"skiplock": _bool}, _power),
    Route("POST", f"{MACHINE_PATH}/status/reboot", power.reboot_machine, {"timeout": _timeout}, _power),
    Route("POST", f"{MACHINE_PATH}/agent/ping", agent.ping_agent, allow=allow_agent()),
    Route(
        "GET",
        f"{MACHINE_PATH}/agent/file-read",
        agent.read_file,
        {
            "file": Prop(optional=False),
            "count": Prop("integer", minimum=1, maximum=agent.READ_LIMIT, since=NINE),
            "decode": Prop("boolean", since=NINE),
            "offset": Prop("integer", minimum=0, since=NINE),
        },
        allow_agent(reads_file=True),
    ),
    Route("GET", f"{MACHINE_PATH}/agent/get-osinfo", agent.read_os, allow=allow_agent()),
    Route("GET", f"{MACHINE_PATH}/agent/network-get-interfaces", agent.read_interfaces, allow=allow_agent()),
)
