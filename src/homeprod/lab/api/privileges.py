"""The privileges of Proxmox VE 8.4 and 9.x, and the two roles that the lab itself needs."""

from __future__ import annotations

from homeprod.lab.api.schema import Release

_BOTH = frozenset(
    (
        "Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit",
        "Group.Allocate", "Mapping.Audit", "Mapping.Modify", "Mapping.Use", "Permissions.Modify", "Pool.Allocate",
        "Pool.Audit", "Realm.Allocate", "Realm.AllocateUser", "SDN.Allocate", "SDN.Audit", "SDN.Use",
        "Sys.AccessNetwork", "Sys.Audit", "Sys.Console", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt", "Sys.Syslog",
        "User.Modify", "VM.Allocate", "VM.Audit", "VM.Backup", "VM.Clone", "VM.Config.CDROM", "VM.Config.CPU",
        "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network",
        "VM.Config.Options", "VM.Console", "VM.Migrate", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback",
    )
)  # fmt: skip
_NINE_ONLY = frozenset(
    (
        "VM.GuestAgent.Audit", "VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.FileWrite",
        "VM.GuestAgent.Unrestricted", "VM.Replicate",
    )
)  # fmt: skip
_EIGHT_ONLY = frozenset(("VM.Monitor",))

CONFIG = (
    "VM.Config.Disk", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network",
    "VM.Config.HWType", "VM.Config.Options", "VM.Config.Cloudinit",
)  # fmt: skip
"""Any of these lets a configuration be changed at all; each option then asks for its own."""


def list_privileges(release: Release) -> frozenset[str]:
    """Every privilege that the release knows: what the role Administrator holds."""
    return _BOTH | (_NINE_ONLY if release >= (9, 0) else _EIGHT_ONLY)


def agent_privileges(release: Release, *, reads_file: bool = False) -> tuple[str, ...]:
    """Any of these lets the guest agent be asked: 9 split 8's VM.Monitor."""
    if release < (9, 0):
        return ("VM.Monitor",)
    return ("VM.GuestAgent.FileRead" if reads_file else "VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted")
