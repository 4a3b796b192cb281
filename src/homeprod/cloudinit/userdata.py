"""User data and meta data: the minimum that makes a machine reachable; nothing in it is secret.

Formats: cloud-init's NoCloud data source and its modules `users`, `growpart`, `ssh`, `packages`, `write_files`,
`bootcmd` (docs.cloud-init.io). Data disks never go through `fs_setup` or `disk_setup`: those format again per
instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeprod.cloudinit.datadisk import BOOT_SCRIPT
from homeprod.cloudinit.document import write_document

_START_AGENT = "systemctl -q is-active qemu-guest-agent || systemctl enable --now qemu-guest-agent"
"""Where the image or the package has started it already, it comes at every boot, and nothing is left to do."""

SETTINGS_FILE = "/etc/homeprod/control.json"
BUNDLE_LABEL = "homeprod"
"""Of the CD that a control node is installed from."""
_INSTALL = f"""\
set -eu
mkdir -p /run/homeprod-cd
mount -o ro LABEL={BUNDLE_LABEL} /run/homeprod-cd
trap 'umount /run/homeprod-cd; rmdir /run/homeprod-cd' EXIT
sh /run/homeprod-cd/install.sh
"""


@dataclass(frozen=True, slots=True)
class User:
    name: str
    keys: tuple[str, ...]
    sudo: bool = True


@dataclass(frozen=True, slots=True)
class DataMount:
    """A data disk in the guest: found by the drive's ``serial``, labelled and mounted at ``path``."""

    serial: str
    path: str


@dataclass(frozen=True, slots=True)
class Guest:
    """What a machine is told at its first boot. ``instance`` is its address and creation nonce; ``control`` are the
    settings of a control node, which is installed from its second CD."""

    name: str
    instance: str
    domain: str = ""
    users: tuple[User, ...] = ()
    packages: tuple[str, ...] = ()
    mounts: tuple[DataMount, ...] = ()
    control: str = ""


def render_user_data(guest: Guest) -> str:
    """The ``user-data`` file."""
    data: dict[str, Any] = {
        "hostname": guest.name,
        "fqdn": f"{guest.name}.{guest.domain}" if guest.domain else guest.name,
        "manage_etc_hosts": True,
        "ssh_pwauth": False,
        "disable_root": True,
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["ed25519"],  # RSA alone took 27 s under emulation
        "users": [_render_user(user) for user in guest.users],
        "growpart": {"mode": "auto", "devices": ["/"]},
        "package_update": False,
        "packages": ["qemu-guest-agent", *guest.packages],
        "runcmd": [["sh", "-c", _START_AGENT]],
    }
    if guest.mounts:
        # One command for all disks: of several, cloud-init would notice the last one's failure only.
        pairs = [part for mount in guest.mounts for part in (mount.serial, mount.path)]
        data["bootcmd"] = [["sh", "-c", BOOT_SCRIPT, "homeprod-data-disks", *pairs]]
    if guest.control:
        data["write_files"] = [{"path": SETTINGS_FILE, "content": guest.control, "permissions": "0644"}]
        data["runcmd"].append(["sh", "-c", _INSTALL])
    return "#cloud-config\n" + write_document(data)


def render_meta_data(guest: Guest) -> str:
    """The ``meta-data`` file. The instance id never changes in a machine's life: a new one would make cloud-init
    run its per-instance modules again and throw away the host keys."""
    return write_document({"instance-id": guest.instance, "local-hostname": guest.name})


def _render_user(user: User) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": user.name,
        "shell": "/bin/bash",
        "lock_passwd": True,
        "ssh_authorized_keys": list(user.keys),
    }
    if user.sudo:
        entry["sudo"] = "ALL=(ALL) NOPASSWD:ALL"
    return entry
