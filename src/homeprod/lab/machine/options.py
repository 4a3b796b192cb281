"""Every option of a virtual machine that Proxmox VE 8.4 and 9.x know: its type, its limits, its property string.

The names and limits are those of Proxmox's published API schema; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from homeprod.lab.api import formats as f
from homeprod.lab.api.schema import Prop, Table
from homeprod.lab.machine.properties import (
    AUDIO,
    BOOT,
    CICUSTOM,
    EFI,
    HOSTPCI,
    IDE,
    IPCONFIG,
    IVSHMEM,
    MACHINE,
    MEMORY,
    NIC,
    NINE,
    NUMA,
    RNG,
    SATA,
    SCSI,
    SEV,
    SMBIOS,
    SPICE,
    TDX,
    TPM,
    UNUSED,
    USB,
    VGA,
    VIRTIO,
    VIRTIOFS,
    WATCHDOG,
    boolean,
    choice,
    formed,
    integer,
    number,
    text,
    verify_agent,
    verify_boot_disk,
    verify_cpu,
)

LOCKS = (
    "backup", "clone", "create", "migrate", "rollback", "snapshot", "snapshot-delete", "suspending", "suspended",
)  # fmt: skip
_KEYBOARDS = (
    "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja",
    "lt", "mk", "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
)  # fmt: skip

_SINGLE: dict[str, Prop] = {
    "acpi": boolean(),
    "affinity": formed(f.cpuset),
    "agent": formed(verify_agent),
    "allow-ksm": boolean(since=NINE),
    "amd-sev": formed(SEV),
    "arch": choice("x86_64", "aarch64"),
    "args": Prop(),
    "audio0": formed(AUDIO),
    "autostart": boolean(),
    "balloon": integer(0),
    "bios": choice("seabios", "ovmf"),
    "boot": formed(BOOT),
    "bootdisk": formed(verify_boot_disk, pattern=r"(ide|sata|scsi|virtio)\d+"),
    "cdrom": formed(IDE),
    "cicustom": formed(CICUSTOM),
    "cipassword": Prop(),
    "citype": choice("configdrive2", "nocloud", "opennebula"),
    "ciupgrade": boolean(),
    "ciuser": Prop(),
    "cores": integer(1),
    "cpu": formed(verify_cpu),
    "cpulimit": number(0, 128),
    "cpuunits": integer(1, 262144),
    "description": Prop(max_length=8192),
    "efidisk0": formed(EFI),
    "freeze": boolean(),
    "hookscript": formed(f.volume_id),
    "hotplug": formed(f.hotplug),
    "hugepages": choice("any", "2", "1024"),
    "intel-tdx": formed(TDX, since=NINE),
    "ivshmem": formed(IVSHMEM),
    "keephugepages": boolean(),
    "keyboard": choice(*_KEYBOARDS),
    "kvm": boolean(),
    "localtime": boolean(),
    "lock": choice(*LOCKS),
    "machine": formed(MACHINE),
    "memory": formed(MEMORY),
    "migrate_downtime": number(0),
    "migrate_speed": integer(0),
    "name": formed(f.dns_name),
    "nameserver": formed(f.each(f.address)),
    "numa": boolean(),
    "onboot": boolean(),
    "ostype": choice(
        "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"
    ),
    "protection": boolean(),
    "reboot": boolean(),
    "rng0": formed(RNG),
    "scsihw": choice("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"),
    "searchdomain": Prop(),
    "shares": integer(0, 50000),
    "smbios1": formed(SMBIOS, max_length=512),
    "smp": integer(1),
    "sockets": integer(1),
    "spice_enhancements": formed(SPICE),
    "sshkeys": formed(f.urlencoded),
    "startdate": text(r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)"),
    "startup": formed(f.startup),
    "tablet": boolean(),
    "tags": formed(f.tag_list),
    "tdf": boolean(),
    "template": boolean(),
    "tpmstate0": formed(TPM),
    "vcpus": integer(1),
    "vga": formed(VGA),
    "vmgenid": text(r"(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])"),
    "vmstatestorage": formed(f.storage_id),
    "watchdog": formed(WATCHDOG),
}

_INDEXED: tuple[tuple[str, int, Prop], ...] = (
    ("hostpci", 16, formed(HOSTPCI)),
    ("ide", 4, formed(IDE)),
    ("ipconfig", 32, formed(IPCONFIG)),
    ("net", 32, formed(NIC)),
    ("numa", 8, formed(NUMA)),
    ("parallel", 3, text(r"/dev/parport\d+|/dev/usb/lp\d+")),
    ("sata", 6, formed(SATA)),
    ("scsi", 31, formed(SCSI)),
    ("serial", 4, text("(/dev/[^,]+|socket)")),
    ("unused", 256, formed(UNUSED)),
    ("usb", 14, formed(USB)),
    ("virtio", 16, formed(VIRTIO)),
    ("virtiofs", 10, formed(VIRTIOFS)),
)

OPTIONS: Mapping[str, Prop] = {
    **_SINGLE,
    **{f"{name}{n}": prop for name, count, prop in _INDEXED for n in range(count)},
}
"""What a client may set, by Proxmox's own key."""

INTERNAL: Mapping[str, Prop] = {
    "meta": Prop(), "parent": Prop(), "snaptime": integer(0), "vmstate": Prop(), "runningmachine": Prop(),
    "runningcpu": Prop(), "running-nets-host-mtu": Prop(),
}  # fmt: skip
"""What only Proxmox itself writes into a configuration."""

_DRIVE_SLOT = re.compile(r"(ide|sata|scsi|virtio)(\d+)\Z|efidisk0\Z|tpmstate0\Z")
DRIVE_SLOTS: tuple[str, ...] = (
    *(f"ide{n}" for n in range(4)),
    *(f"scsi{n}" for n in range(31)),
    *(f"virtio{n}" for n in range(16)),
    *(f"sata{n}" for n in range(6)),
    "efidisk0",
    "tpmstate0",
)
"""In the order in which Proxmox looks for the first bootable one."""


def is_drive(key: str) -> bool:
    return _DRIVE_SLOT.match(key) is not None and key in OPTIONS


def is_unused(key: str) -> bool:
    return key.startswith("unused") and key in OPTIONS


def is_nic(key: str) -> bool:
    return key.startswith("net") and key in OPTIONS


def drive_table(slot: str) -> Table:
    """The property table of a drive slot or of ``unusedN``."""
    return cast("Table", OPTIONS[slot].form)


def find_option(key: str) -> Prop | None:
    return OPTIONS.get(key) or INTERNAL.get(key)
