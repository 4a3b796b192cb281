"""Take a machine away: shut it down, let go of the disks that are not its own, destroy it.

No disk of a data VM is ever at stake here: what belongs to another machine is detached, and proven to be, before the
destroying call, which in Proxmox frees volumes of the destroyed machine alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.errors import ProxmoxError
from homeprod.engine.file import drop_iso
from homeprod.engine.update import write_config
from homeprod.engine.work import Say, Work
from homeprod.plan.actual import ActualMachine, MachineConfig
from homeprod.plan.change import Change
from homeprod.plan.config import Drive
from homeprod.plan.volume import read_owner


def remove_machine(work: Work, change: Change, say: Say) -> None:
    """Raises ProxmoxError; whatever is left then, the next plan sees."""
    found = work.actual.machines[change.vmid]
    if found.is_protected:  # only `destroy --data` comes here with one
        write_config(work, change, {"protection": False}, say, digest=found.config.digest)
    stop_machine(work, change, found, say)
    detach_foreign_disks(work, change, say)
    work.run(lambda: work.hypervisor.destroy_machine(change.node, change.vmid), say)
    cd = found.config.config.get("ide2")
    if isinstance(cd, Drive):
        drop_iso(work, change.node, change.vmid, cd.volume, say)


def stop_machine(work: Work, change: Change, found: ActualMachine, say: Say) -> None:
    """Shut it down and wait. A machine with somebody else's disk is never stopped hard, unless a person said so."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    if hypervisor.read_status(node, vmid) == "stopped":
        return
    limit = work.manner.shutdown_limit
    has_data = any(find_foreign_disks(found.config, vmid))
    try:
        say(f"shutting down ({limit} s at most)")
        work.run(lambda: hypervisor.shutdown_machine(node, vmid, timeout=limit), say)
    except ProxmoxError as error:
        if hypervisor.read_status(node, vmid) == "stopped":
            return
        if has_data and not work.manner.forces_stop:
            raise ProxmoxError(
                f"did not shut down within {limit} s, and has a data disk mounted; it still runs, nothing was lost\n"
                f"  | {error.message}",
                where=str(change.address),
                hint="shut it down from inside and repeat; or pull the plug, at the risk of what it was writing:\n\n"
                "  homeprod apply --force-stop",
            ) from error
        say(f"{error.message}; pulling the plug")
        work.run(lambda: hypervisor.stop_machine(node, vmid), say)


def find_foreign_disks(config: MachineConfig, vmid: int) -> Iterator[tuple[str, Drive]]:
    """Slot and drive of each disk whose volume is not the machine's own. A CD is none."""
    for slot, value in sorted({**config.config, **config.pending}.items()):
        if isinstance(value, Drive) and not value.is_cdrom and read_owner(value.volume) != vmid:
            yield slot, value


def detach_foreign_disks(work: Work, change: Change, say: Say) -> None:
    """Raises ProxmoxError unless a read afterwards shows that none is left."""
    hypervisor, node, vmid = work.hypervisor, change.node, change.vmid
    slots = tuple(slot for slot, _ in find_foreign_disks(hypervisor.read_machine(node, vmid), vmid))
    if not slots:
        return
    say(f"detaching {', '.join(slots)}")
    write_config(work, change, {}, say, delete=slots)
    left = [
        f"{slot} ({drive.volume})" for slot, drive in find_foreign_disks(hypervisor.read_machine(node, vmid), vmid)
    ]
    if left:
        raise ProxmoxError(
            f"still attached: {', '.join(left)}; the machine was not destroyed",
            where=str(change.address),
            hint="detach it by hand in Proxmox, then repeat",
        )
