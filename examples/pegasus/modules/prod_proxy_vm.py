"""prod-proxy, 10.111.1.5 and .6, VMID 4001005: reverse proxy for production.

It takes over the addresses of the old machine 1012: the listener that speaks the PROXY protocol to the passthrough
is on .6, the plain one for the LAN on .5.
"""

from homeprod import Disk, GiB, VirtualMachine
from modules._config import ansible, debian_13, prod, sean, ssd

vm = VirtualMachine(
    number=5,
    addresses=(6,),
    environment=prod,
    image=debian_13,
    boot=Disk(32 * GiB, on=ssd),
    people=(ansible, sean),
    tags={"infrastructure", "prod"},
    start="infrastructure",
)
