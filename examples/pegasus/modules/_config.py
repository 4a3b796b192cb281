"""What the machines of Pegasus share: the cluster, the network and who uses which number, images, people.

Every address of the home has its place here, those of machines that homeprod does not manage too, so that none is
given out twice.
"""

from homeprod import (
    AddressPlan,
    Cluster,
    ControlUser,
    Datastore,
    Environment,
    Image,
    Network,
    Person,
    SiteConfig,
    Upkeep,
)

# Datastores -------------------------------------------------------------------------------------------------------
ssd = Datastore(name="local-nvme", speed="fast")
hdd = Datastore(name="local-hdd", speed="slow, larger; also images and ISOs")

# Network ----------------------------------------------------------------------------------------------------------
home = Network(
    bridge="vmbr0",
    subnet="10.111.1.0/24",
    gateway=1,
    resolvers=(2, 3),
    domain="home.pegasuspad.com",
    dhcp=(100, 199),
)

addresses = AddressPlan(
    network=home,
    prefix=4001,  # host number 21 becomes VMID 4001021
    reserved={
        1: "opnsense",
        2: "pihole-01",
        3: "pihole-02",
        10: "proxmox-optiplex",
        11: "proxmox-typhon",
        201: "archon-04",
        202: "basement-pc",
        203: "nfs-blue",
        204: "coco",
        205: "lms-00",
        206: "gitea-green",
        207: "nextcloud-green",
        208: "freshrss-blue",
        209: "terraform-state",
        210: "collabora-code",
        211: "coder-blue",
    },
    taken={
        101: "coco",
        110: "vrising-04",
        111: "vrising-05",
        1012: "proxy",
        9003: "patchwork-blue",
        9005: "archon-template",
        9007: "archon-04",
        11000: "nfs-blue",
        11010: "prod-ansible (old)",
        21001: "gitea-green",
        21110: "terraform-state",
        29000: "coder-blue",
        42100: "freshrss-blue",
        60000: "nextcloud-blue",
        60001: "nextcloud-green",
        60002: "lms-00",
        60003: "collabora-code",
        911000: "nfs-disks",
        911010: "prod-ansible-disks",
        921000: "gitea-disks",
        921010: "lab-ansible-disks",
        921110: "terraform-state-disks",
        929000: "coder-disks",
        942100: "freshrss-disks",
    },
)

site = SiteConfig(
    id="6f1d0c52-9a3e-4b7c-8d21-5e0f4a9b7c36",
    name="pegasus",
    # A name under .invalid (RFC 2606), so that a slip without a lab reaches nobody's network.
    cluster=Cluster(endpoint="https://proxmox.pegasus.invalid:8006", node="proxmox-1"),
    addresses=addresses,
    iso=hdd,
)

# Environments -----------------------------------------------------------------------------------------------------
# What differs on its machines is put right by itself; on those of prod it is told (the default).
lab = Environment(name="lab", branch="lab", control_node="lab-ansible", upkeep=Upkeep(policy="converge"))
# prod-ansible can take over by writing its name here.
prod = Environment(
    name="prod", branch="prod", control_node="lab-ansible", after=lab
)  # what is new goes to lab first; promotion=Promotion() makes a gate of that

# Images -----------------------------------------------------------------------------------------------------------
# Kept per release date at the makers' image sites; fetched by the hypervisor itself, checksum verified.
ubuntu_22_04 = Image(
    release="ubuntu-22.04",
    url="https://cloud-images.ubuntu.com/releases/22.04/release-20240126/ubuntu-22.04-server-cloudimg-amd64.img",
    checksum="9f8a0d84b81a1d481aafca2337cb9f0c1fdf697239ac488177cf29c97d706c25",
    on=hdd,
)
# Its cloud-init has a bug with the Ansible provisioner; kept for machines that were made from it.
ubuntu_22_04_october = Image(
    release="ubuntu-22.04",
    url="https://cloud-images.ubuntu.com/releases/22.04/release-20231026/ubuntu-22.04-server-cloudimg-amd64.img",
    checksum="054db2d88c454bb0ad8dfd8883955e3946b57d2b0bf0d023f3ade3c93cdd14e5",
    on=hdd,
)
# Control nodes need Python 3.11 or later and proxies a recent nginx; Ubuntu 22.04 has neither.
debian_13 = Image(
    release="debian-13",
    url="https://cloud.debian.org/images/cloud/trixie/20250924-2245/debian-13-genericcloud-amd64-20250924-2245.qcow2",
    checksum="25b430e6416b443620fc32975f40effe3d7ae6603060aa9563b80092f0b07373"
    "4a35a8c56816ae4f4ea395d7e5599de7cba254f92a9465f6ce95b29a03a8e1f5",
    algorithm="sha512",
    on=hdd,
)

# People -----------------------------------------------------------------------------------------------------------
ansible = ControlUser(name="ansible")  # the control node logs in as it, with the keys that are in keys/
# Example keys: nobody has their private halves.
ops = Person(
    name="ops",
    keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yT3BzMTExMTEx ops@pegasus",),
)
sean = Person(
    name="sean",
    keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yU2VhbjExMTEx sean@pegasus",),
)

# Repositories -----------------------------------------------------------------------------------------------------
playbooks = "ssh://git@git.home.pegasuspad.com/pegasus-playbooks.git"
vault = "ssh://git@git.home.pegasuspad.com/pegasus-vault.git"
git_host_keys = (
    "git.home.pegasuspad.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yR2l0MTExMTEx",
)
