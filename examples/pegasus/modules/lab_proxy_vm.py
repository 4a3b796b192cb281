"""lab-proxy, 10.111.1.212, VMID 5000000 by hand: reverse proxy for *.lab.pegasuspad.com."""

from homeprod import Disk, GiB, VirtualMachine
from modules._config import ansible, debian_13, lab, sean, ssd

vm = VirtualMachine(
    number=212,
    vmid=5_000_000,
    environment=lab,
    image=debian_13,
    boot=Disk(32 * GiB, on=ssd),
    people=(ansible, sean),
    tags={"infrastructure", "lab"},
    start="infrastructure",
)
