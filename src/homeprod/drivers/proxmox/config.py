"""A machine's configuration between Proxmox's texts and our typed values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from homeprod.drivers.proxmox.forms.agent import parse_agent, print_agent
from homeprod.drivers.proxmox.forms.boolean import parse_boolean, print_boolean
from homeprod.drivers.proxmox.forms.boot import parse_boot, print_boot
from homeprod.drivers.proxmox.forms.drive import is_drive_slot, parse_drive, print_drive, print_new_drive
from homeprod.drivers.proxmox.forms.net import MODELS, parse_net, print_net
from homeprod.drivers.proxmox.forms.startup import parse_startup, print_startup
from homeprod.drivers.proxmox.forms.tag import parse_tags, print_tags
from homeprod.plan.actual import MachineConfig
from homeprod.plan.config import Agent, BootOrder, Config, Drive, NewDrive, Nic, Startup, Value

_NET = re.compile(r"net([0-9]|[12][0-9]|3[01])")


def decode_config(raw: Mapping[str, Any]) -> Config:
    """``GET config`` (or any part of it) as typed values.

    Never fails: a value that our forms cannot read (a newer release's, say) stays the text that Proxmox printed, and
    unknown options of drives and cards are kept. MACs become upper case, since Proxmox keeps the case it was given.
    """
    return {key: decode_value(key, value) for key, value in raw.items() if value is not None}


def decode_pending(items: Iterable[Mapping[str, Any]]) -> MachineConfig:
    """``GET pending``: one item a key with ``value`` (in force), ``pending`` (waits) and ``delete`` (1, or 2 where it
    is forced). Proxmox lists the digest as a key of its own; it becomes ``digest``, empty where it is not listed."""
    config: dict[str, Value] = {}
    pending: dict[str, Value | None] = {}
    for item in items:
        key = str(item["key"])
        if item.get("value") is not None:
            config[key] = decode_value(key, item["value"])
        if int(item.get("delete") or 0):
            pending[key] = None
        elif item.get("pending") is not None:
            pending[key] = decode_value(key, item["pending"])
    return MachineConfig(config, pending, str(config.pop("digest", "")))


def decode_value(key: str, value: Any) -> Value:
    """One key's value; GET answers mix numbers and texts (``"memory": "512"``, ``"cores": 2``)."""
    text = print_boolean(value) if isinstance(value, bool) else str(value)
    return text if _find_decoder(key) is str else _decode_text(key, text)


@lru_cache(maxsize=4096)
def _decode_text(key: str, text: str) -> Value:
    """Kept, since a thousand machines have most of their values in common, and none of them can be changed."""
    decode = _find_decoder(key)
    try:
        return decode(text)
    except ValueError:
        return text


@lru_cache(maxsize=1024)
def _find_decoder(key: str) -> Callable[[str], Value]:
    if decode := _DECODERS.get(key):
        return decode
    if _NET.fullmatch(key):
        return _decode_net
    if is_drive_slot(key):
        return lambda text: parse_drive(key, text, strict=False)
    return str


def _decode_net(text: str) -> Nic:
    head, _, behind = text.partition(",")
    model, _, mac = head.partition("=")
    nic = _decode_model(f"{model},{behind}") if model in MODELS and mac else None
    if nic is None or nic.mac:  # written in another way than Proxmox prints it
        nic = parse_net(text, strict=False)
        mac = nic.mac or ""
    return replace(nic, mac=mac.upper()) if mac else nic


@lru_cache(maxsize=512)
def _decode_model(text: str) -> Nic:
    """A card without its MAC. Kept: thousands of cards differ in nothing else."""
    return parse_net(text, strict=False)


def _decode_memory(text: str) -> int:
    """A property string since 8.1 (``current=2048``), printed as a plain number."""
    return int(text.removeprefix("current="))


_DECODERS: Mapping[str, Callable[[str], Value]] = {
    "agent": lambda text: parse_agent(text, strict=False),
    "balloon": int,
    "boot": parse_boot,
    "cores": int,
    "memory": _decode_memory,
    "onboot": parse_boolean,
    "protection": parse_boolean,
    "sockets": int,
    "startup": parse_startup,
    "tags": parse_tags,
}


def encode_config(config: Config) -> dict[str, str]:
    """The parameters of a create or change call: each value in Proxmox's own form."""
    return {key: encode_value(value) for key, value in config.items()}


def encode_value(value: Value) -> str:
    """One value in Proxmox's form. ``bool`` stands before ``int``, being one."""
    match value:
        case bool():
            return print_boolean(value)
        case int() | str():
            return str(value)
        case frozenset():
            return print_tags(value)
        case Nic():
            return print_net(value)
        case Drive():
            return print_drive(value)
        case NewDrive():
            return print_new_drive(value)
        case Startup():
            return print_startup(value)
        case Agent():
            return print_agent(value)
        case BootOrder():
            return print_boot(value)
