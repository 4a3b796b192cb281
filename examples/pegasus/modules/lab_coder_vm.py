"""lab-coder, 10.111.1.21, VMID 4001021: a service machine whose apps Harbormaster runs."""

from homeprod import Disk, GiB, VirtualMachine
from modules._config import ansible, lab, sean, ssd, ubuntu_22_04

vm = VirtualMachine(
    number=21,
    environment=lab,
    image=ubuntu_22_04,
    memory=2 * GiB,
    boot=Disk(32 * GiB, on=ssd),
    people=(ansible, sean),
    tags={"coder", "lab"},
    start="external",
    kept_by={"ansible", "harbormaster"},
)
