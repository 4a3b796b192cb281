"""What Proxmox checks of a create or change request before it begins: drives, cards, keys, privileges."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.routing import Call
from homeprod.lab.machine.disks import resolve_path
from homeprod.lab.machine.drive import Drive, complete_nic, parse_drive, parse_nic, print_drive
from homeprod.lab.machine.options import OPTIONS, is_drive, is_nic, is_unused
from homeprod.lab.machine.tags import store_tags
from homeprod.lab.storage.names import VolumeName, parse_name, split_volume

_CPU = frozenset(
    {"acpi", "affinity", "arch", "cores", "cpu", "cpulimit", "cpuunits", "kvm", "numa", "smp", "sockets", "vcpus"}
)
_MEMORY = frozenset({"balloon", "hugepages", "keephugepages", "memory", "shares", "allow-ksm"})
_CLOUDINIT = frozenset(
    {"cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"}
)
_HARDWARE = frozenset(
    {"agent", "amd-sev", "audio0", "bios", "efidisk0", "hotplug", "ivshmem", "localtime", "machine", "ostype", "rng0",
     "scsihw", "smbios1", "tablet", "tdf", "tpmstate0", "vga", "vmgenid", "watchdog"}
)  # fmt: skip
_ROOT_ONLY = frozenset({"args", "lock", "hookscript"})


def privileges_for(option: str) -> tuple[str, ...]:
    """Any of these on the machine lets ``option`` be set (Proxmox's ``check_vm_modify_config_perm``)."""
    if option in _CPU or option.startswith("numa"):
        return ("VM.Config.CPU",)
    if option in _MEMORY:
        return ("VM.Config.Memory",)
    if option in _CLOUDINIT or option.startswith("ipconfig"):
        return ("VM.Config.Cloudinit", "VM.Config.Network")
    if is_nic(option):
        return ("VM.Config.Network",)
    if is_drive(option) or is_unused(option) or option in ("cdrom", "bootdisk", "boot"):
        return ("VM.Config.Disk",)
    if option in _HARDWARE or re.match(r"(usb|hostpci|serial|parallel|virtiofs)\d", option):
        return ("VM.Config.HWType",)
    return ("VM.Config.Options",)


def require_options(call: Call, vmid: int, options: Iterable[str]) -> None:
    """Each option asks for its own privilege, and a few are for root's own ticket alone. Raises ApiError."""
    if call.who.is_root:
        return
    path = f"/vms/{vmid}"
    for option in options:
        if option in _ROOT_ONLY:
            raise ApiError(f"only root can set '{option}' config")
        if re.match(r"(serial|parallel)\d", option) and call.params.get(option) not in (None, "socket"):
            raise ApiError(f"only root can set '{option}' config for real devices")
        if re.match(r"(usb|hostpci)\d", option) and not re.search(r"mapping=|spice", call.text(option, "spice")):
            raise ApiError(f"only root can set '{option}' config for non-mapped devices")
        needed = ("VM.Config.CDROM",) if _is_cdrom(call, option) else privileges_for(option)
        call.require(path, *needed, any_of=len(needed) > 1)
        if option == "startup":
            call.require("/", "Sys.Modify")


def _is_cdrom(call: Call, option: str) -> bool:
    if option == "cdrom":
        return True
    if not is_drive(option):
        return False
    text = call.params.get(option)
    if text is None:
        machine = call.hypervisor.machines.find(call.vmid)
        text = machine.document.current.get(option, "") if machine else ""
    drive = parse_drive(option, str(text), call.hypervisor.release)
    return drive is not None and (drive.is_cdrom or drive.is_empty)


def verify_keys(text: str) -> None:
    """Raises ApiError unless every line of the url-encoded ``sshkeys`` is a public key."""
    for line in unquote(text).splitlines():
        if not line.strip():
            continue
        try:
            load_ssh_public_key(line.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise ApiError("SSH public key validation error") from None


def prepare_options(
    call: Call, vmid: int, options: dict[str, str | None], *, is_new: bool = False
) -> dict[str, str | None]:
    """The request's options in stored form: cards with a MAC, drives checked, tags as the release keeps them.

    Drives that ask for a volume stay requests. Raises ApiError.
    """
    release = call.hypervisor.release
    prepared: dict[str, str | None] = {}
    if "cdrom" in options:
        options = {**options}
        options.setdefault("ide2", _as_cdrom(options.pop("cdrom") or "none"))
    for key, value in options.items():
        if value is None:
            prepared[key] = None
        elif is_drive(key):
            prepared[key] = prepare_drive(call, vmid, key, value)
        elif is_unused(key):
            _check_volume(call, vmid, parse_drive(key, value, release) or Drive(key, value))
            prepared[key] = value
        elif is_nic(key):
            _require_bridge(call, value)
            prepared[key] = complete_nic(value, release)
        elif key == "tags":
            prepared[key] = store_tags(value, release, is_new=is_new)
        elif key == "smp":
            prepared.setdefault("sockets", value)
        else:
            prepared[key] = value
    if prepared.get("vmgenid") == "1":
        prepared["vmgenid"] = str(uuid.uuid4())
    return prepared


def _as_cdrom(text: str) -> str:
    return text if "media=cdrom" in text else f"{text},media=cdrom"


def _require_bridge(call: Call, text: str) -> None:
    if call.who.is_root:
        return
    values = parse_nic(text, call.hypervisor.release)
    if bridge := values.get("bridge"):
        tag = f"/{values['tag']}" if "tag" in values else ""
        call.require(f"/sdn/zones/localnetwork/{bridge}{tag}", "SDN.Use")


def prepare_drive(call: Call, vmid: int, slot: str, text: str) -> str:
    """One drive of a request, checked. Raises ApiError."""
    drive = parse_drive(slot, text, call.hypervisor.release)
    if drive is None:
        raise refuse_parameters({slot: "unable to parse drive options"})
    if drive.is_cdrom and "format" in drive.options:
        raise refuse_parameters({slot: "unable to parse drive options"})
    if drive.is_empty:
        drive = replace(drive, options={**drive.options, "media": "cdrom"})
    elif drive.file.startswith("/"):
        drive = _resolve(call, drive)
    if drive.is_volume:
        _check_drive(call, vmid, drive)
    kept = {k: v for k, v in drive.options.items() if k in ("format", "import-from")}
    line = print_drive(drive)
    return line + "".join(f",{key}={value}" for key, value in sorted(kept.items()))


def _resolve(call: Call, drive: Drive) -> Drive:
    if not call.who.is_root:
        raise ApiError("Only root can pass arbitrary filesystem paths.", status=403)
    if drive.file.startswith("/dev/"):
        return drive
    volume = resolve_path(call.hypervisor, drive.file)
    if volume is None or call.hypervisor.catalog.find(volume) is None:
        raise refuse_parameters({drive.slot: f"unable to associate path '{drive.file}' to any storage"})
    media = {"media": "cdrom"} if ":iso/" in volume else {}
    return replace(drive, file=volume, options={**drive.options, **media})


def _check_drive(call: Call, vmid: int, drive: Drive) -> None:
    storage_name, name = split_volume(drive.file)
    storage = call.hypervisor.storage(storage_name)
    allocation = drive.allocation if not drive.is_cdrom else None
    source = drive.options.get("import-from")
    if source is not None and (allocation is None or allocation[1] != 0):
        words = "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>"
        raise refuse_parameters({drive.slot: words})
    if allocation is not None or name == "cloudinit":
        call.require(f"/storage/{storage_name}", "Datastore.AllocateSpace")
        if "images" not in storage.content:
            raise refuse_parameters({"storage": f"storage '{storage_name}' does not support vm images"})
    else:
        _check_volume(call, vmid, drive)
    if source is not None:
        _check_source(call, vmid, drive.slot, source)


def _check_volume(call: Call, vmid: int, drive: Drive) -> None:
    storage_name, name = split_volume(drive.file)
    parsed = parse_name(call.hypervisor.storage(storage_name), name)
    if parsed.content == "iso" and not drive.is_cdrom:
        raise refuse_parameters({drive.slot: "explicit 'media=cdrom' is required for iso images"})
    require_volume(call, storage_name, parsed, vmid)


def _check_source(call: Call, vmid: int, slot: str, source: str) -> None:
    if source.startswith("/"):
        if not call.who.is_root:
            raise ApiError("Only root can pass arbitrary filesystem paths.", status=403)
        return
    storage_name, name = split_volume(source)
    parsed = parse_name(call.hypervisor.storage(storage_name), name)
    require_volume(call, storage_name, parsed, vmid)
    if parsed.content not in ("import", "images"):
        words = f"{source} has wrong type '{parsed.content}' - needs to be 'images' or 'import'"
        raise refuse_parameters({slot: words})


def require_volume(call: Call, storage: str, volume: VolumeName, vmid: int) -> None:
    """Proxmox's rule for using a volume: files by the storage, images by owner. Raises ApiError."""
    path = f"/storage/{storage}"
    if volume.owner is None:
        call.require(path, "Datastore.AllocateSpace", "Datastore.Audit", any_of=True)
    elif volume.owner != vmid and not call.holds(path, "Datastore.Allocate"):
        call.require(path, "Datastore.Audit")
        call.require(f"/vms/{volume.owner}", "VM.Config.Disk")


def split_options(params: dict[str, str | None]) -> dict[str, str | None]:
    """The machine's own options among a call's parameters."""
    return {key: value for key, value in params.items() if key in OPTIONS}
