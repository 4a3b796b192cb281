"""User data and meta data: the minimum that makes a machine reachable; nothing in it is secret.

Formats: cloud-init's NoCloud data source and its modules `users`, `growpart`, `ssh`, `packages`, `write_files`,
`bootcmd` (docs.cloud-init.io). Data disks never go through `fs_setup` or `disk_setup`: those format again per
instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from homeprod.cloudinit.datadisk import MOUNT_SCRIPT, MOUNT_SCRIPT_PATH


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
    """What a machine is told at its first boot. ``instance`` is its address and creation nonce."""

    name: str
    instance: str
    domain: str = ""
    users: tuple[User, ...] = ()
    packages: tuple[str, ...] = ()
    mounts: tuple[DataMount, ...] = ()


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
        "runcmd": [["systemctl", "enable", "--now", "qemu-guest-agent"]],
    }
    if guest.mounts:
        data["write_files"] = [{"path": MOUNT_SCRIPT_PATH, "permissions": "0755", "content": MOUNT_SCRIPT}]
        # `runcmd` comes after `write_files`, and once per instance; the fstab entry mounts at later boots.
        disks = [[MOUNT_SCRIPT_PATH, mount.serial, mount.path] for mount in guest.mounts]
        data["runcmd"] = [*disks, *data["runcmd"]]
    return "#cloud-config\n" + yaml.safe_dump(data, sort_keys=False, default_flow_style=False, width=120)


def render_meta_data(guest: Guest) -> str:
    """The ``meta-data`` file. The instance id never changes in a machine's life: a new one would make cloud-init
    run its per-instance modules again and throw away the host keys."""
    return yaml.safe_dump({"instance-id": guest.instance, "local-hostname": guest.name}, sort_keys=False)


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
