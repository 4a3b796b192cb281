"""lab-ansible-data, VMID 94001022: never booted; it owns the disk that lab-ansible keeps its sealed keys on."""

from homeprod import DataDisk, DataVirtualMachine, GiB
from modules._config import hdd, lab

ssh_keys = DataDisk(label="ssh_keys", size=1 * GiB, on=hdd)

vm = DataVirtualMachine(number=22, environment=lab, disks=(ssh_keys,), tags={"devsecops", "lab"})
