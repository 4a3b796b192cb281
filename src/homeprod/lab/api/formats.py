"""Proxmox's named formats. Each raises ValueError with Proxmox's words, their trailing line feed included."""

from __future__ import annotations

import ipaddress
import re

from homeprod.lab.api.schema import Release, Verify

_VMID = re.compile(r"[1-9][0-9]{2,8}\Z")
_NODE = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?\Z")
# A label may be 64 long and a name may end in a number: laxer than DNS, stricter on the underscore.
_DNS_NAME = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?\n?\Z")
_STORAGE = re.compile(r"[A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]\Z")
_CONFIG_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]+\Z")
_VOLUME = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]):(.+)\n?\Z")
_POOL = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}\Z")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*\Z")
_SIZE = re.compile(r"\d+(\.\d+)?[KMGT]?\Z")
_SIZE_9 = re.compile(r"\d+(\.\d+)?([KMGT](iB)?)?\Z")
_URLENCODED = re.compile(r"[-%a-zA-Z0-9_.!~*'()]*\n?\Z")
_MAC = re.compile(r"[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}\Z")
_BRIDGE = re.compile(r"[-_.\w\d]+\Z", re.ASCII)
_CPUSET = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*\Z")
_SEPARATORS = re.compile(r"[,;\s]+")
CONTENTS = ("images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none")
HOTPLUGS = ("network", "disk", "cpu", "memory", "usb", "cloudinit")


def split_list(text: str) -> list[str]:
    """Proxmox's lists: separated by comma, semicolon or white space, empty entries dropped."""
    return [part for part in _SEPARATORS.split(text.replace("\0", " ")) if part]


def each(verify: Verify) -> Verify:
    """The ``-list`` variant of a format."""

    def verify_list(text: str, release: Release) -> None:
        for part in split_list(text):
            verify(part, release)

    return verify_list


def vmid(text: str, _: Release) -> None:
    if not _VMID.match(text):
        raise ValueError("value does not look like a valid VM ID\n")


def node(text: str, _: Release) -> None:
    if not _NODE.match(text):
        raise ValueError("value does not look like a valid node name\n")


def dns_name(text: str, _: Release) -> None:
    if not _DNS_NAME.match(text) or any(len(label) > 64 for label in text.split(".")):
        raise ValueError("value does not look like a valid DNS name\n")


def storage_id(text: str, release: Release) -> None:
    if release >= (9, 0) and len(text) < 2:
        raise ValueError(f"storage ID '{text}' cannot be shorter than 2 characters\n")
    if not _STORAGE.match(text):
        raise ValueError(f"storage ID '{text}' contains illegal characters\n")


def config_id(text: str, _: Release) -> None:
    if not _CONFIG_ID.match(text):
        raise ValueError(f"invalid configuration ID '{text}'\n")


def volume_id(text: str, _: Release) -> None:
    if not _VOLUME.match(text):
        raise ValueError(f"unable to parse volume ID '{text}'\n")


def volume_or_path(text: str, release: Release) -> None:
    """What a drive's ``file`` may be: ``none``, ``cdrom``, an absolute path, or a volume id."""
    if text in ("none", "cdrom") or text.startswith("/"):
        return
    volume_id(text, release)


def volume_or_absolute_path(text: str, release: Release) -> None:
    if not text.startswith("/"):
        volume_id(text, release)


def pool_id(text: str, _: Release) -> None:
    if not _POOL.match(text):
        raise ValueError(f"pool name '{text}' contains invalid characters\n")


def tag_list(text: str, _: Release) -> None:
    if not all(_TAG.match(tag) for tag in split_list(text)):
        raise ValueError("invalid characters in tag\n")


def disk_size(text: str, release: Release) -> None:
    if not (_SIZE_9 if release >= (9, 0) else _SIZE).match(text):
        raise ValueError(f"value does not look like a valid disk size: {text}\n")


def urlencoded(text: str, _: Release) -> None:
    if not _URLENCODED.match(text):
        raise ValueError(f"invalid urlencoded string: {text}\n")


def mac_address(text: str, _: Release) -> None:
    if not _MAC.match(text):
        raise ValueError("value does not look like a valid unicast MAC address\n")


def bridge_id(text: str, _: Release) -> None:
    if not _BRIDGE.match(text):
        raise ValueError(f"invalid bridge ID '{text}'\n")


def cpuset(text: str, _: Release) -> None:
    if text and not (_CPUSET.match(text) and all(_is_range(part) for part in text.split(","))):
        raise ValueError("unable to parse cpuset option\n")


def _is_range(text: str) -> bool:
    first, dash, last = text.partition("-")
    return not dash or int(first) <= int(last)


def hotplug(text: str, _: Release) -> None:
    if text in ("0", "1"):
        return
    for feature in split_list(text):
        if feature not in HOTPLUGS:
            raise ValueError(f"invalid hotplug feature '{feature}'\n")


def startup(text: str, _: Release) -> None:
    if parse_startup(text) is None:
        raise ValueError("unable to parse startup options\n")


def parse_startup(text: str) -> dict[str, str] | None:
    """``order``, ``up`` and ``down`` in seconds; None for text that Proxmox cannot read."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        match = re.fullmatch(r"(?:order=)?(\d+)|up=(\d+)|down=(\d+)", part.strip())
        if match is None:
            return None
        parts.update({k: v for k, v in zip(("order", "up", "down"), match.groups(), strict=True) if v})
    return parts


def storage_content(text: str, _: Release) -> None:
    if text not in CONTENTS:
        raise ValueError(f"invalid content type '{text}'\n")


def realm(text: str, _: Release) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.\-_]+", text):
        raise ValueError("value does not look like a valid realm\n")


def privilege(text: str, _: Release) -> None:
    if not re.fullmatch(r"[A-Za-z]+(\.[A-Za-z]+)+", text):
        raise ValueError(f"invalid privilege '{text}'\n")


def status_type(text: str, _: Release) -> None:
    if text not in ("ok", "error", "warning", "unknown"):
        raise ValueError(f"invalid status type '{text}'\n")


def ipv4(text: str, _: Release) -> None:
    if not _is_address(text, 4):
        raise ValueError("value does not look like a valid IPv4 address\n")


def ipv6(text: str, _: Release) -> None:
    if not _is_address(text, 6):
        raise ValueError("value does not look like a valid IPv6 address\n")


def ipv4_config(text: str, _: Release) -> None:
    if text not in ("dhcp", "manual") and not _is_network(text, 4):
        raise ValueError("value does not look like a valid ipv4 network configuration\n")


def ipv6_config(text: str, _: Release) -> None:
    if text not in ("dhcp", "auto", "manual") and not _is_network(text, 6):
        raise ValueError("value does not look like a valid ipv6 network configuration\n")


def address(text: str, release: Release) -> None:
    """An IP address or a DNS name."""
    if _is_address(text, 4) or _is_address(text, 6):
        return
    try:
        dns_name(text, release)
    except ValueError:
        raise ValueError(f"value does not look like a valid address: {text}\n") from None


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _is_network(text: str, version: int) -> bool:
    base, slash, prefix = text.partition("/")
    limit = 32 if version == 4 else 128
    return bool(slash) and _is_address(base, version) and prefix.isdigit() and 8 <= int(prefix) <= limit


def boot_device(text: str, _: Release) -> None:
    known = {"ide": 4, "sata": 6, "scsi": 31, "virtio": 16, "net": 32, "usb": 14, "hostpci": 16}
    match = re.fullmatch(r"([a-z]+)(\d+)", text)
    if match is None or int(match[2]) >= known.get(match[1], 0):
        raise ValueError(f"invalid boot device '{text}'\n")


def physical_bits(text: str, _: Release) -> None:
    if text != "host" and not (text.isdigit() and 8 <= int(text) <= 64):
        raise ValueError("value must be an integer between 8 and 64 or 'host'\n")
