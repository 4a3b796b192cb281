"""Drives and network cards as Proxmox reads and prints them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace

from homeprod.lab.api.schema import Release, parse_property_string
from homeprod.lab.machine.options import drive_table, is_drive
from homeprod.lab.machine.properties import NIC
from homeprod.lab.machine.sizes import parse_size, print_size

_NEW_DISK = re.compile(r"(?:([^:\s]+):)?(\d+(?:\.\d+)?)\Z")
_THROTTLE = re.compile(r"(?:iops|mbps|bps)(?:_rd|_wr)?(_max(?:_length)?)?\Z")


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive line: ``file`` is a volume id, ``none``, ``cdrom``, a path or ``STORAGE:SIZE`` to allocate."""

    slot: str
    file: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def is_cdrom(self) -> bool:
        return self.options.get("media") == "cdrom"

    @property
    def is_cloudinit(self) -> bool:
        return bool(re.search(r"[:/](vm-\d+-)?cloudinit(\.(qcow2|raw))?\Z", self.file))

    @property
    def is_empty(self) -> bool:
        return self.file in ("none", "cdrom")

    @property
    def is_volume(self) -> bool:
        return not self.is_empty and not self.file.startswith("/")

    @property
    def allocation(self) -> tuple[str, float] | None:
        """Storage and GiB of a drive that asks to be allocated."""
        match = _NEW_DISK.match(self.file)
        return (match[1] or "", float(match[2])) if match and match[1] else None

    @property
    def size(self) -> int | None:
        return parse_size(self.options["size"]) if "size" in self.options else None

    def sized(self, size: int | None) -> Drive:
        options = {k: v for k, v in self.options.items() if k != "size"}
        if size is not None:
            options["size"] = print_size(size)
        return replace(self, options=options)


def parse_drive(slot: str, text: str, release: Release) -> Drive | None:
    """None for what Proxmox calls ``unable to parse drive options``."""
    try:
        values = parse_property_string(drive_table(slot), text, release)
    except ValueError:
        return None
    file = values.pop("file")
    if "size" in values:
        values["size"] = print_size(parse_size(values["size"]))
    for name in [name for name in values if name.startswith("bps") and not name.endswith("length")]:
        # 9.2 scales bps down twice, so every sensible value becomes 0.000; we are as wrong as it is.
        values[f"m{name}"] = f"{int(values.pop(name)) / 1024**4:.3f}"
    drive = Drive(slot, file, values)
    return None if _contradicts(drive) else drive


def _contradicts(drive: Drive) -> bool:
    options = drive.options
    if drive.is_cdrom and (drive.slot.startswith("virtio") or options.keys() & {"format", "discard", "cyls"}):
        return True
    for unit in ("mbps", "iops"):
        if unit in options and options.keys() & {f"{unit}_rd", f"{unit}_wr"}:
            return True
        if f"{unit}_max" in options and options.keys() & {f"{unit}_rd_max", f"{unit}_wr_max"}:
            return True
    return any(_lacks_base(name, options) for name in options)


def _lacks_base(name: str, options: dict[str, str]) -> bool:
    if name.endswith("_max_length"):
        base = name.removesuffix("_length")
        return name.startswith(("iops", "mbps")) and base not in options
    return bool(_THROTTLE.match(name)) and name in ("mbps_max", "iops_max") and name[:4] not in options


def print_drive(drive: Drive) -> str:
    """The stored form: ``format`` and ``import-from`` belong to the request only."""
    kept = sorted((k, v) for k, v in drive.options.items() if k not in ("format", "import-from"))
    return ",".join([drive.file, *(f"{key}={value}" for key, value in kept)])


def parse_nic(text: str, release: Release) -> dict[str, str]:
    return parse_property_string(NIC, text, release)


def print_nic(values: dict[str, str]) -> str:
    """Model and MAC first, the rest sorted."""
    model, mac = values["model"], values.get("macaddr")
    rest = sorted((k, v) for k, v in values.items() if k not in ("model", "macaddr"))
    return ",".join([f"{model}={mac}" if mac else model, *(f"{key}={value}" for key, value in rest)])


def complete_nic(text: str, release: Release) -> str:
    """The stored form of a card: Proxmox draws a MAC with its own prefix where none is given."""
    values = parse_nic(text, release)
    values.setdefault("macaddr", draw_mac())
    return print_nic(values)


def draw_mac() -> str:
    return "BC:24:11:" + ":".join(f"{byte:02X}" for byte in secrets.token_bytes(3))


def drives_of(config: dict[str, str], release: Release) -> list[Drive]:
    """The drives of a configuration in slot order; unreadable lines are left out, as Proxmox does."""
    found = (parse_drive(key, value, release) for key, value in config.items() if is_drive(key))
    return [drive for drive in found if drive is not None]
