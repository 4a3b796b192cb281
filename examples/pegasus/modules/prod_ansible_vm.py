"""prod-ansible, 10.111.1.23, VMID 4000001 by hand: declared and left stopped; it can take over prod."""

from homeprod import ControlNode, Disk, GiB, Mount, VirtualMachine
from modules._config import debian_13, git_host_keys, playbooks, prod, sean, ssd, vault
from modules.prod_ansible_data_vm import ssh_keys

vm = VirtualMachine(
    number=23,
    vmid=4_000_001,
    environment=prod,
    image=debian_13,
    memory=1 * GiB,
    boot=Disk(32 * GiB, on=ssd),
    mounts=(Mount(disk=ssh_keys, at="/var/lib/ansible"),),
    people=(sean,),
    tags={"ansible", "devsecops", "prod"},
    start="never",
    started=False,
    control=ControlNode(
        playbooks=playbooks,
        vault=vault,
        git_host_keys=git_host_keys,
        administrators=(sean,),
    ),
)
