"""lab-ansible, 10.111.1.22, VMID 4001022: the control node, and where Ansible changes are tried first."""

from homeprod import ControlNode, Disk, GiB, Mount, VirtualMachine
from modules._config import debian_13, git_host_keys, lab, ops, playbooks, sean, ssd, vault
from modules.lab_ansible_data_vm import ssh_keys

vm = VirtualMachine(
    number=22,
    environment=lab,
    image=debian_13,
    memory=1 * GiB,
    boot=Disk(32 * GiB, on=ssd),
    mounts=(Mount(disk=ssh_keys, at="/var/lib/ansible"),),
    people=(ops,),
    tags={"devsecops", "lab"},
    start="infrastructure",
    control=ControlNode(
        playbooks=playbooks,
        vault=vault,
        git_host_keys=git_host_keys,
        administrators=(ops,),
        ringers=(sean,),
    ),
)
