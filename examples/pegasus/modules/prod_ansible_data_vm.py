"""prod-ansible-data, VMID 94000001 by hand: never booted; it owns prod-ansible's keys disk."""

from homeprod import DataDisk, DataVirtualMachine, GiB
from modules._config import hdd, prod

ssh_keys = DataDisk(label="ssh_keys", size=1 * GiB, on=hdd)

vm = DataVirtualMachine(
    number=23, vmid=94_000_001, environment=prod, disks=(ssh_keys,), tags={"ansible", "devsecops", "prod"}
)
