"""The property strings of a machine's options: drives, network cards, processors and the like, as tables."""

from __future__ import annotations

import re

from homeprod.lab.api import formats as f
from homeprod.lab.api.schema import Prop, Release, Table, Verify, parse_property_string

NINE: Release = (9, 0)


def boolean(**more: object) -> Prop:
    return Prop("boolean", **more)  # type: ignore[arg-type]


def integer(minimum: float | None = None, maximum: float | None = None, **more: object) -> Prop:
    return Prop("integer", minimum=minimum, maximum=maximum, **more)  # type: ignore[arg-type]


def number(minimum: float | None = None, maximum: float | None = None, **more: object) -> Prop:
    return Prop("number", minimum=minimum, maximum=maximum, **more)  # type: ignore[arg-type]


def choice(*values: str, **more: object) -> Prop:
    return Prop(enum=values, **more)  # type: ignore[arg-type]


def formed(form: Verify | Table, **more: object) -> Prop:
    return Prop(form=form, **more)  # type: ignore[arg-type]


def text(pattern: str = "", **more: object) -> Prop:
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
        table[f"bps{direction}"] = integer()
        table[f"bps{direction}_max_length"] = integer(1)
        table[f"iops{direction}"] = integer()
        table[f"iops{direction}_max"] = integer()
        table[f"iops{direction}_max_length"] = integer(1)
        table[f"mbps{direction}"] = number()
        table[f"mbps{direction}_max"] = number()
        if direction:
            table[f"bps{direction}_length"] = Prop(alias=f"bps{direction}_max_length")
            table[f"iops{direction}_length"] = Prop(alias=f"iops{direction}_max_length")
    return table


_FILE = {"file": formed(f.volume_or_path, optional=False, is_default_key=True), "volume": Prop(alias="file")}
_IMPORT = {"import-from": formed(f.volume_or_absolute_path)}
_SIZE = {"size": formed(f.disk_size)}

_DRIVE: dict[str, Prop] = {
    **_FILE, **_IMPORT, **_SIZE, **_throttles(),
    "media": choice("cdrom", "disk"),
    "snapshot": boolean(),
    "cache": choice("none", "writethrough", "writeback", "unsafe", "directsync"),
    "format": choice(*_IMAGE_FORMATS),
    "aio": choice("native", "threads", "io_uring"),
    "discard": choice("ignore", "on"),
    "detect_zeroes": boolean(),
    "serial": formed(f.urlencoded, max_length=60),
    "shared": boolean(),
    "backup": boolean(),
    "replicate": boolean(),
    "rerror": choice("ignore", "report", "stop"),
    "werror": choice("enospc", "ignore", "report", "stop"),
    "cyls": integer(until=NINE),
    "heads": integer(until=NINE),
    "secs": integer(until=NINE),
    "trans": choice("none", "lba", "auto", until=NINE),
}  # fmt: skip
_WWN = {"wwn": text(r"0x[0-9a-fA-F]{16}")}
IDE: Table = {**_DRIVE, **_WWN, "ssd": boolean(), "model": formed(f.urlencoded, max_length=120)}
SATA: Table = {**_DRIVE, **_WWN, "ssd": boolean()}
SCSI: Table = {
    **_DRIVE, **_WWN,
    "ssd": boolean(),
    "iothread": boolean(),
    "queues": integer(2),
    "ro": boolean(),
    "scsiblock": boolean(),
    "product": text(r"[A-Za-z0-9\-_\s]{,16}".replace("{,", "{0,")),
    "vendor": text(r"[A-Za-z0-9\-_\s]{0,8}"),
}  # fmt: skip
VIRTIO: Table = {**_DRIVE, "iothread": boolean(), "ro": boolean()}
EFI: Table = {
    **_FILE, **_IMPORT, **_SIZE,
    "format": choice(*_IMAGE_FORMATS),
    "efitype": choice("2m", "4m"),
    "pre-enrolled-keys": boolean(),
    "ms-cert": choice("2011", "2023", "2023w", "2023k", since=NINE),
}  # fmt: skip
TPM: Table = {
    **_FILE, **_IMPORT, **_SIZE,
    "format": choice("raw", "qcow2", "vmdk", since=NINE),
    "version": choice("v1.2", "v2.0"),
}  # fmt: skip
UNUSED: Table = {"file": formed(f.volume_id, optional=False, is_default_key=True), "volume": Prop(alias="file")}

NIC: Table = {
    "model": choice(*NIC_MODELS, optional=False, is_default_key=True),
    "macaddr": formed(f.mac_address),
    **{model: Prop(alias="macaddr", key_alias="model") for model in NIC_MODELS},
    "bridge": formed(f.bridge_id),
    "firewall": boolean(),
    "host-tunnel": boolean(since=NINE),
    "link_down": boolean(),
    "mtu": integer(1, 65520),
    "queues": integer(0, 64),
    "rate": number(0),
    "tag": integer(1, 4094),
    "trunks": text(_RANGES),
}

_AGENT: Table = {
    "enabled": boolean(optional=False, is_default_key=True),
    "freeze-fs": boolean(),
    "freeze-fs-on-backup": Prop(alias="freeze-fs"),
    "guest-fsfreeze": Prop(alias="freeze-fs"),
    "fstrim_cloned_disks": boolean(),
    "type": choice("virtio", "isa"),
}
_AGENT_8: Table = {
    "enabled": _AGENT["enabled"],
    "freeze-fs-on-backup": boolean(),
    "fstrim_cloned_disks": boolean(),
    "type": _AGENT["type"],
}


def verify_agent(text: str, release: Release) -> None:
    parse_property_string(_AGENT if release >= NINE else _AGENT_8, text, release, "agent")


BOOT: Table = {
    "legacy": text("[acdn]{1,4}", is_default_key=True),
    "order": formed(f.each(f.boot_device)),
}
_MACHINE_TYPE = (
    r"(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?"
    r"|virt(?:-\d+(\.\d+)+)?(\+pve\d+)?)"
)
MACHINE: Table = {
    "type": text(_MACHINE_TYPE, is_default_key=True, max_length=40),
    "viommu": choice("intel", "virtio"),
    "enable-s3": boolean(),
    "enable-s4": boolean(),
    "aw-bits": number(32, 64, since=NINE),
}
SMBIOS: Table = {
    "uuid": text(r"[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"),
    "base64": boolean(),
    **{k: text(r"[A-Za-z0-9+\/]+={0,2}") for k in ("version", "serial", "manufacturer", "product", "sku", "family")},
}
IPCONFIG: Table = {
    "ip": formed(f.ipv4_config, requires=""),
    "gw": formed(f.ipv4, requires="ip"),
    "ip6": formed(f.ipv6_config),
    "gw6": formed(f.ipv6, requires="ip6"),
}
_PCI_ADDRESS = r"(?:[0-9a-fA-F]{4,}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?"
_HEX = r"0x[0-9a-fA-F]{4}"
HOSTPCI: Table = {
    "host": text(rf"{_PCI_ADDRESS}(?:;{_PCI_ADDRESS})*", is_default_key=True),
    "mapping": formed(f.config_id),
    "rombar": boolean(),
    "romfile": text(r"[^,;]+"),
    "pcie": boolean(),
    "x-vga": boolean(),
    "legacy-igd": boolean(),
    "driver": choice("vfio", "keep", since=NINE),
    "mdev": text(r"[^/\.:]+"),
    "vendor-id": text(_HEX),
    "device-id": text(_HEX),
    "sub-vendor-id": text(_HEX),
    "sub-device-id": text(_HEX),
}
USB: Table = {
    "host": text(
        r"(?:(?:(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4}))|(?:(\d+)\-(\d+(\.\d+)*))|[Ss][Pp][Ii][Cc][Ee])",
        is_default_key=True,
    ),
    "mapping": formed(f.config_id),
    "usb3": boolean(),
}
_CPU: Table = {
    "cputype": Prop(is_default_key=True),
    "reported-model": Prop(),
    "hidden": boolean(),
    "hv-vendor-id": text("[a-zA-Z0-9]{1,12}"),
    "flags": text(r"[+-][a-zA-Z0-9\-_.]+(;[+-][a-zA-Z0-9\-_.]+)*"),
    "phys-bits": formed(f.physical_bits),
    "guest-phys-bits": integer(32, 64, since=NINE),
    "level": integer(30, since=NINE),
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


def verify_cpu(text: str, release: Release) -> None:
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


def verify_boot_disk(text: str, _: Release) -> None:
    if not re.fullmatch(r"(ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0", text):
        raise ValueError(f"invalid boot disk '{text}'\n")


CICUSTOM: Table = {key: formed(f.volume_id) for key in ("meta", "network", "user", "vendor")}
NUMA: Table = {
    "cpus": text(_RANGES, optional=False),
    "hostnodes": text(_RANGES),
    "memory": number(),
    "policy": choice("preferred", "bind", "interleave"),
}
_VGA_TYPES = (
    "cirrus", "qxl", "qxl2", "qxl3", "qxl4", "none", "serial0", "serial1", "serial2", "serial3", "std", "virtio",
    "virtio-gl", "vmware",
)  # fmt: skip
VGA: Table = {
    "type": choice(*_VGA_TYPES, is_default_key=True),
    "memory": integer(4, 512),
    "clipboard": choice("vnc"),
}
VIRTIOFS: Table = {
    "dirid": formed(f.config_id, optional=False, is_default_key=True),
    "cache": choice("auto", "always", "metadata", "never"),
    "direct-io": boolean(),
    "expose-acl": boolean(),
    "expose-xattr": boolean(),
}
WATCHDOG: Table = {
    "model": choice("i6300esb", "ib700", is_default_key=True),
    "action": choice("reset", "shutdown", "poweroff", "pause", "debug", "none"),
}
RNG: Table = {
    "source": choice("/dev/urandom", "/dev/random", "/dev/hwrng", optional=False, is_default_key=True),
    "max_bytes": integer(),
    "period": integer(),
}
SEV: Table = {
    "type": choice("std", "es", "snp", is_default_key=True, optional=False),
    "no-debug": boolean(),
    "no-key-sharing": boolean(),
    "allow-smt": boolean(since=NINE),
    "kernel-hashes": boolean(),
}
TDX: Table = {
    "type": choice("tdx", is_default_key=True, optional=False),
    "attestation": boolean(optional=False),
    "vsock-cid": integer(2),
    "vsock-port": integer(0),
}
SPICE: Table = {"foldersharing": boolean(), "videostreaming": choice("off", "all", "filter")}
AUDIO: Table = {
    "device": choice("ich9-intel-hda", "intel-hda", "AC97", optional=False),
    "driver": choice("spice", "none"),
}
IVSHMEM: Table = {"size": integer(1, optional=False), "name": text(r"[a-zA-Z0-9\-]+")}
MEMORY: Table = {"current": integer(16, optional=False, is_default_key=True)}
