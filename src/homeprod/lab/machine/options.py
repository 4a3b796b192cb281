"""Every option of a virtual machine that Proxmox VE 8.4 and 9.x know: its type, its limits, its property string.

The names and limits are those of Proxmox's published API schema; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from homeprod.lab.api import formats as f
from homeprod.lab.api.schema import Prop, Release, Table, Verify, parse_property_string

NINE: Release = (9, 0)


def _bool(**more: object) -> Prop:
    return Prop("boolean", **more)  # type: ignore[arg-type]


def _int(minimum: float | None = None, maximum: float | None = None, **more: object) -> Prop:
    return Prop("integer", minimum=minimum, maximum=maximum, **more)  # type: ignore[arg-type]


def _number(minimum: float | None = None, maximum: float | None = None, **more: object) -> Prop:
    return Prop("number", minimum=minimum, maximum=maximum, **more)  # type: ignore[arg-type]


def _enum(*values: str, **more: object) -> Prop:
    return Prop(enum=values, **more)  # type: ignore[arg-type]


def _form(form: Verify | Table, **more: object) -> Prop:
    return Prop(form=form, **more)  # type: ignore[arg-type]


def _text(pattern: str = "", **more: object) -> Prop:
    return Prop(pattern=pattern, **more)  # type: ignore[arg-type]


_RANGES = r"\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*"
_IMAGE_FORMATS = ("raw", "qcow", "qed", "qcow2", "vmdk", "cloop")
NIC_MODELS = (
    "e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e", "i82551", "i82557b", "i82559er",
    "ne2k_isa", "ne2k_pci", "pcnet", "rtl8139", "virtio", "vmxnet3",
)  # fmt: skip


def _throttles() -> dict[str, Prop]:
    table: dict[str, Prop] = {}
    for direction in ("", "_rd", "_wr"):
        table[f"bps{direction}"] = _int()
        table[f"bps{direction}_max_length"] = _int(1)
        table[f"iops{direction}"] = _int()
        table[f"iops{direction}_max"] = _int()
        table[f"iops{direction}_max_length"] = _int(1)
        table[f"mbps{direction}"] = _number()
        table[f"mbps{direction}_max"] = _number()
        if direction:
            table[f"bps{direction}_length"] = Prop(alias=f"bps{direction}_max_length")
            table[f"iops{direction}_length"] = Prop(alias=f"iops{direction}_max_length")
    return table


_FILE = {"file": _form(f.volume_or_path, optional=False, is_default_key=True), "volume": Prop(alias="file")}
_IMPORT = {"import-from": _form(f.volume_or_absolute_path)}
_SIZE = {"size": _form(f.disk_size)}

_DRIVE: dict[str, Prop] = {
    **_FILE, **_IMPORT, **_SIZE, **_throttles(),
    "media": _enum("cdrom", "disk"),
    "snapshot": _bool(),
    "cache": _enum("none", "writethrough", "writeback", "unsafe", "directsync"),
    "format": _enum(*_IMAGE_FORMATS),
    "aio": _enum("native", "threads", "io_uring"),
    "discard": _enum("ignore", "on"),
    "detect_zeroes": _bool(),
    "serial": _form(f.urlencoded, max_length=60),
    "shared": _bool(),
    "backup": _bool(),
    "replicate": _bool(),
    "rerror": _enum("ignore", "report", "stop"),
    "werror": _enum("enospc", "ignore", "report", "stop"),
    "cyls": _int(until=NINE),
    "heads": _int(until=NINE),
    "secs": _int(until=NINE),
    "trans": _enum("none", "lba", "auto", until=NINE),
}  # fmt: skip
_WWN = {"wwn": _text(r"0x[0-9a-fA-F]{16}")}
IDE: Table = {**_DRIVE, **_WWN, "ssd": _bool(), "model": _form(f.urlencoded, max_length=120)}
SATA: Table = {**_DRIVE, **_WWN, "ssd": _bool()}
SCSI: Table = {
    **_DRIVE, **_WWN,
    "ssd": _bool(),
    "iothread": _bool(),
    "queues": _int(2),
    "ro": _bool(),
    "scsiblock": _bool(),
    "product": _text(r"[A-Za-z0-9\-_\s]{,16}".replace("{,", "{0,")),
    "vendor": _text(r"[A-Za-z0-9\-_\s]{0,8}"),
}  # fmt: skip
VIRTIO: Table = {**_DRIVE, "iothread": _bool(), "ro": _bool()}
EFI: Table = {
    **_FILE, **_IMPORT, **_SIZE,
    "format": _enum(*_IMAGE_FORMATS),
    "efitype": _enum("2m", "4m"),
    "pre-enrolled-keys": _bool(),
    "ms-cert": _enum("2011", "2023", "2023w", "2023k", since=NINE),
}  # fmt: skip
TPM: Table = {
    **_FILE, **_IMPORT, **_SIZE,
    "format": _enum("raw", "qcow2", "vmdk", since=NINE),
    "version": _enum("v1.2", "v2.0"),
}  # fmt: skip
UNUSED: Table = {"file": _form(f.volume_id, optional=False, is_default_key=True), "volume": Prop(alias="file")}

NIC: Table = {
    "model": _enum(*NIC_MODELS, optional=False, is_default_key=True),
    "macaddr": _form(f.mac_address),
    **{model: Prop(alias="macaddr", key_alias="model") for model in NIC_MODELS},
    "bridge": _form(f.bridge_id),
    "firewall": _bool(),
    "host-tunnel": _bool(since=NINE),
    "link_down": _bool(),
    "mtu": _int(1, 65520),
    "queues": _int(0, 64),
    "rate": _number(0),
    "tag": _int(1, 4094),
    "trunks": _text(_RANGES),
}

_AGENT: Table = {
    "enabled": _bool(optional=False, is_default_key=True),
    "freeze-fs": _bool(),
    "freeze-fs-on-backup": Prop(alias="freeze-fs"),
    "guest-fsfreeze": Prop(alias="freeze-fs"),
    "fstrim_cloned_disks": _bool(),
    "type": _enum("virtio", "isa"),
}
_AGENT_8: Table = {
    "enabled": _AGENT["enabled"],
    "freeze-fs-on-backup": _bool(),
    "fstrim_cloned_disks": _bool(),
    "type": _AGENT["type"],
}


def _verify_agent(text: str, release: Release) -> None:
    parse_property_string(_AGENT if release >= NINE else _AGENT_8, text, release, "agent")


BOOT: Table = {
    "legacy": _text("[acdn]{1,4}", is_default_key=True),
    "order": _form(f.each(f.boot_device)),
}
_MACHINE_TYPE = (
    r"(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?"
    r"|virt(?:-\d+(\.\d+)+)?(\+pve\d+)?)"
)
MACHINE: Table = {
    "type": _text(_MACHINE_TYPE, is_default_key=True, max_length=40),
    "viommu": _enum("intel", "virtio"),
    "enable-s3": _bool(),
    "enable-s4": _bool(),
    "aw-bits": _number(32, 64, since=NINE),
}
_SMBIOS: Table = {
    "uuid": _text(r"[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"),
    "base64": _bool(),
    **{k: _text(r"[A-Za-z0-9+\/]+={0,2}") for k in ("version", "serial", "manufacturer", "product", "sku", "family")},
}
IPCONFIG: Table = {
    "ip": _form(f.ipv4_config, requires=""),
    "gw": _form(f.ipv4, requires="ip"),
    "ip6": _form(f.ipv6_config),
    "gw6": _form(f.ipv6, requires="ip6"),
}
_PCI_ADDRESS = r"(?:[0-9a-fA-F]{4,}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?"
_HEX = r"0x[0-9a-fA-F]{4}"
HOSTPCI: Table = {
    "host": _text(rf"{_PCI_ADDRESS}(?:;{_PCI_ADDRESS})*", is_default_key=True),
    "mapping": _form(f.config_id),
    "rombar": _bool(),
    "romfile": _text(r"[^,;]+"),
    "pcie": _bool(),
    "x-vga": _bool(),
    "legacy-igd": _bool(),
    "driver": _enum("vfio", "keep", since=NINE),
    "mdev": _text(r"[^/\.:]+"),
    "vendor-id": _text(_HEX),
    "device-id": _text(_HEX),
    "sub-vendor-id": _text(_HEX),
    "sub-device-id": _text(_HEX),
}
USB: Table = {
    "host": _text(
        r"(?:(?:(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4}))|(?:(\d+)\-(\d+(\.\d+)*))|[Ss][Pp][Ii][Cc][Ee])",
        is_default_key=True,
    ),
    "mapping": _form(f.config_id),
    "usb3": _bool(),
}
_CPU: Table = {
    "cputype": Prop(is_default_key=True),
    "reported-model": Prop(),
    "hidden": _bool(),
    "hv-vendor-id": _text("[a-zA-Z0-9]{1,12}"),
    "flags": _text(r"[+-][a-zA-Z0-9\-_.]+(;[+-][a-zA-Z0-9\-_.]+)*"),
    "phys-bits": _form(f.physical_bits),
    "guest-phys-bits": _int(32, 64, since=NINE),
    "level": _int(30, since=NINE),
}
_CPU_TYPES = frozenset((
    "486", "Broadwell", "Broadwell-IBRS", "Broadwell-noTSX", "Broadwell-noTSX-IBRS", "Cascadelake-Server",
    "Cascadelake-Server-noTSX", "Cascadelake-Server-v2", "Cascadelake-Server-v4", "Cascadelake-Server-v5", "Conroe",
    "Cooperlake", "Cooperlake-v2", "EPYC", "EPYC-Genoa", "EPYC-IBPB", "EPYC-Milan", "EPYC-Milan-v2", "EPYC-Rome",
    "EPYC-Rome-v2", "EPYC-Rome-v3", "EPYC-Rome-v4", "EPYC-v3", "EPYC-v4", "GraniteRapids", "Haswell",
    "Haswell-IBRS", "Haswell-noTSX", "Haswell-noTSX-IBRS", "Icelake-Client", "Icelake-Client-noTSX",
    "Icelake-Server", "Icelake-Server-noTSX", "Icelake-Server-v3", "Icelake-Server-v4", "Icelake-Server-v5",
    "Icelake-Server-v6", "IvyBridge", "IvyBridge-IBRS", "KnightsMill", "Nehalem", "Nehalem-IBRS", "Opteron_G1",
    "Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5", "Penryn", "SandyBridge", "SandyBridge-IBRS",
    "SapphireRapids", "SapphireRapids-v2", "Skylake-Client", "Skylake-Client-IBRS", "Skylake-Client-noTSX-IBRS",
    "Skylake-Client-v4", "Skylake-Server", "Skylake-Server-IBRS", "Skylake-Server-noTSX-IBRS", "Skylake-Server-v4",
    "Skylake-Server-v5", "Westmere", "Westmere-IBRS", "athlon", "core2duo", "coreduo", "host", "kvm32", "kvm64",
    "max", "pentium", "pentium2", "pentium3", "phenom", "qemu32", "qemu64", "x86-64-v2", "x86-64-v2-AES",
    "x86-64-v3", "x86-64-v4",
))  # fmt: skip
_CPU_FLAGS_9 = (
    "aes", "amd-no-ssb", "amd-ssbd", "hv-evmcs", "hv-tlbflush", "ibpb", "md-clear", "nested-virt", "pcid", "pdpe1gb",
    "spec-ctrl", "ssbd", "virt-ssbd",
)  # fmt: skip
_CPU_FLAGS_8 = (
    "pcid", "spec-ctrl", "ibpb", "ssbd", "virt-ssbd", "amd-ssbd", "amd-no-ssb", "pdpe1gb", "md-clear", "hv-tlbflush",
    "hv-evmcs", "aes",
)  # fmt: skip


def _verify_cpu(text: str, release: Release) -> None:
    values = parse_property_string(_CPU, text, release, "cpu")
    kind = values.get("cputype", "")
    if not kind:
        raise ValueError("CPU is missing cputype\n")
    if kind.startswith("custom-"):
        raise ValueError(f"Custom cputype '{kind.removeprefix('custom-')}' not found\n")
    if kind not in _CPU_TYPES:
        raise ValueError(f"Built-in cputype '{kind}' is not defined (missing 'custom-' prefix?)\n")
    allowed = _CPU_FLAGS_9 if release >= NINE else _CPU_FLAGS_8
    if any(flag[1:] not in allowed for flag in values.get("flags", "").split(";") if flag):
        raise ValueError(f"VM-specific CPU flags must be a subset of: {', '.join(allowed)}\n")
    if "reported-model" in values:
        raise ValueError("Property 'reported-model' not allowed in VM-specific CPU config.\n")


def _verify_boot_disk(text: str, _: Release) -> None:
    if not re.fullmatch(r"(ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0", text):
        raise ValueError(f"invalid boot disk '{text}'\n")


_CICUSTOM: Table = {key: _form(f.volume_id) for key in ("meta", "network", "user", "vendor")}
_NUMA: Table = {
    "cpus": _text(_RANGES, optional=False),
    "hostnodes": _text(_RANGES),
    "memory": _number(),
    "policy": _enum("preferred", "bind", "interleave"),
}
_VGA_TYPES = (
    "cirrus", "qxl", "qxl2", "qxl3", "qxl4", "none", "serial0", "serial1", "serial2", "serial3", "std", "virtio",
    "virtio-gl", "vmware",
)  # fmt: skip
_VGA: Table = {
    "type": _enum(*_VGA_TYPES, is_default_key=True),
    "memory": _int(4, 512),
    "clipboard": _enum("vnc"),
}
_VIRTIOFS: Table = {
    "dirid": _form(f.config_id, optional=False, is_default_key=True),
    "cache": _enum("auto", "always", "metadata", "never"),
    "direct-io": _bool(),
    "expose-acl": _bool(),
    "expose-xattr": _bool(),
}
_WATCHDOG: Table = {
    "model": _enum("i6300esb", "ib700", is_default_key=True),
    "action": _enum("reset", "shutdown", "poweroff", "pause", "debug", "none"),
}
_RNG: Table = {
    "source": _enum("/dev/urandom", "/dev/random", "/dev/hwrng", optional=False, is_default_key=True),
    "max_bytes": _int(),
    "period": _int(),
}
_SEV: Table = {
    "type": _enum("std", "es", "snp", is_default_key=True, optional=False),
    "no-debug": _bool(),
    "no-key-sharing": _bool(),
    "allow-smt": _bool(since=NINE),
    "kernel-hashes": _bool(),
}
_TDX: Table = {
    "type": _enum("tdx", is_default_key=True, optional=False),
    "attestation": _bool(optional=False),
    "vsock-cid": _int(2),
    "vsock-port": _int(0),
}
_SPICE: Table = {"foldersharing": _bool(), "videostreaming": _enum("off", "all", "filter")}
_AUDIO: Table = {
    "device": _enum("ich9-intel-hda", "intel-hda", "AC97", optional=False),
    "driver": _enum("spice", "none"),
}
_IVSHMEM: Table = {"size": _int(1, optional=False), "name": _text(r"[a-zA-Z0-9\-]+")}
_MEMORY: Table = {"current": _int(16, optional=False, is_default_key=True)}
LOCKS = (
    "backup", "clone", "create", "migrate", "rollback", "snapshot", "snapshot-delete", "suspending", "suspended",
)  # fmt: skip
_KEYBOARDS = (
    "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja",
    "lt", "mk", "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
)  # fmt: skip

_SINGLE: dict[str, Prop] = {
    "acpi": _bool(),
    "affinity": _form(f.cpuset),
    "agent": _form(_verify_agent),
    "allow-ksm": _bool(since=NINE),
    "amd-sev": _form(_SEV),
    "arch": _enum("x86_64", "aarch64"),
    "args": Prop(),
    "audio0": _form(_AUDIO),
    "autostart": _bool(),
    "balloon": _int(0),
    "bios": _enum("seabios", "ovmf"),
    "boot": _form(BOOT),
    "bootdisk": _form(_verify_boot_disk, pattern=r"(ide|sata|scsi|virtio)\d+"),
    "cdrom": _form(IDE),
    "cicustom": _form(_CICUSTOM),
    "cipassword": Prop(),
    "citype": _enum("configdrive2", "nocloud", "opennebula"),
    "ciupgrade": _bool(),
    "ciuser": Prop(),
    "cores": _int(1),
    "cpu": _form(_verify_cpu),
    "cpulimit": _number(0, 128),
    "cpuunits": _int(1, 262144),
    "description": Prop(max_length=8192),
    "efidisk0": _form(EFI),
    "freeze": _bool(),
    "hookscript": _form(f.volume_id),
    "hotplug": _form(f.hotplug),
    "hugepages": _enum("any", "2", "1024"),
    "intel-tdx": _form(_TDX, since=NINE),
    "ivshmem": _form(_IVSHMEM),
    "keephugepages": _bool(),
    "keyboard": _enum(*_KEYBOARDS),
    "kvm": _bool(),
    "localtime": _bool(),
    "lock": _enum(*LOCKS),
    "machine": _form(MACHINE),
    "memory": _form(_MEMORY),
    "migrate_downtime": _number(0),
    "migrate_speed": _int(0),
    "name": _form(f.dns_name),
    "nameserver": _form(f.each(f.address)),
    "numa": _bool(),
    "onboot": _bool(),
    "ostype": _enum(
        "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"
    ),
    "protection": _bool(),
    "reboot": _bool(),
    "rng0": _form(_RNG),
    "scsihw": _enum("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"),
    "searchdomain": Prop(),
    "shares": _int(0, 50000),
    "smbios1": _form(_SMBIOS, max_length=512),
    "smp": _int(1),
    "sockets": _int(1),
    "spice_enhancements": _form(_SPICE),
    "sshkeys": _form(f.urlencoded),
    "startdate": _text(r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)"),
    "startup": _form(f.startup),
    "tablet": _bool(),
    "tags": _form(f.tag_list),
    "tdf": _bool(),
    "template": _bool(),
    "tpmstate0": _form(TPM),
    "vcpus": _int(1),
    "vga": _form(_VGA),
    "vmgenid": _text(r"(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])"),
    "vmstatestorage": _form(f.storage_id),
    "watchdog": _form(_WATCHDOG),
}

_INDEXED: tuple[tuple[str, int, Prop], ...] = (
    ("hostpci", 16, _form(HOSTPCI)),
    ("ide", 4, _form(IDE)),
    ("ipconfig", 32, _form(IPCONFIG)),
    ("net", 32, _form(NIC)),
    ("numa", 8, _form(_NUMA)),
    ("parallel", 3, _text(r"/dev/parport\d+|/dev/usb/lp\d+")),
    ("sata", 6, _form(SATA)),
    ("scsi", 31, _form(SCSI)),
    ("serial", 4, _text("(/dev/[^,]+|socket)")),
    ("unused", 256, _form(UNUSED)),
    ("usb", 14, _form(USB)),
    ("virtio", 16, _form(VIRTIO)),
    ("virtiofs", 10, _form(_VIRTIOFS)),
)

OPTIONS: Mapping[str, Prop] = {
    **_SINGLE,
    **{f"{name}{n}": prop for name, count, prop in _INDEXED for n in range(count)},
}
"""What a client may set, by Proxmox's own key."""

INTERNAL: Mapping[str, Prop] = {
    "meta": Prop(), "parent": Prop(), "snaptime": _int(0), "vmstate": Prop(), "runningmachine": Prop(),
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
