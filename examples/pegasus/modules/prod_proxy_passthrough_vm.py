"""prod-proxy-passthrough, 10.111.1.4, VMID 4000004 by hand: the way in; passes TLS through, routed by name."""

from homeprod import Disk, GiB, VirtualMachine
from modules._config import ansible, debian_13, prod, sean, ssd

vm = VirtualMachine(
    number=4,
    vmid=4_000_004,
    environment=prod,
    image=debian_13,
    boot=Disk(32 * GiB, on=ssd),
    people=(ansible, sean),
    tags={"infrastructure", "prod"},
    start="network",
)
