"""What a machine's configuration says of its volumes."""

from __future__ import annotations

from homeprod.drivers.proxmox import decode_config
from homeprod.plan.actual import ActualMachine, ListedMachine, MachineConfig


def test_detached_disks_are_known_by_their_volume_as_the_driver_reads_them() -> None:
    config = decode_config({"unused0": "local-lvm:vm-100-disk-3", "scsi0": "local-lvm:vm-100-disk-0,size=1G"})
    found = ActualMachine(ListedMachine(100, "pve", "a", "stopped"), MachineConfig(config))
    assert found.unused() == {"unused0": "local-lvm:vm-100-disk-3"}
