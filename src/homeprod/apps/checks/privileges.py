"""What makes a container more than a box: each is refused unless it is allowed by name."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.apps.allowance import WORDS, Need
from homeprod.apps.document import Listing, Table, Value
from homeprod.apps.stack import Stack

_TRUE = ("true", "yes", "on", "y", "1")
_HOST = {
    "network_mode": "host network",
    "pid": "host pid",
    "ipc": "host ipc",
    "userns_mode": "host users",
    "uts": "host uts",
    "cgroup": "host cgroup",
}
_GIVEN = """CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT
    AUDIT_WRITE SETFCAP MKNOD"""
_HARMLESS = frozenset(_GIVEN.split())
"""Those that docker gives every container anyway."""


def find_privileges(stack: Stack) -> Iterator[Need]:
    for name, service in stack.services:
        for word, value in _list_words(service, stack):
            message = f"service {name}: {word}" + (f": {WORDS[word]}" if word in WORDS else "")
            yield Need(stack.app.name, word, value.place, message)
    word = "host network"
    for _, name, network in stack.list_tables("networks"):
        for one in (network.get("name"), network.get("driver")):
            if one is not None and _is(one, "host", stack):
                yield Need(stack.app.name, word, one.place, f"network {name}: {word}: {WORDS[word]}")


def _list_words(service: Table, stack: Stack) -> Iterator[tuple[str, Value]]:
    for key, word in _HOST.items():
        value = service.get(key)
        if value is not None and _is(value, "host", stack):
            yield word, value
    if (value := service.get("use_api_socket")) is not None and _is_true(value, stack):
        yield "docker socket", value
    if (value := service.get("provider")) is not None:
        yield "program", value
    yield from _list_privileged(service, stack)
    yield from _list_capabilities(service, stack)
    yield from _list_devices(service, stack)
    for value in _list_items(service.get("security_opt")):
        text = stack.read(value)
        if text is None or "unconfined" in text or text.replace("=", ":").startswith("label:disable"):
            yield "unconfined", value


def _list_privileged(service: Table, stack: Stack) -> Iterator[tuple[str, Value]]:
    """The container itself, its build, and what is run in it before and after."""
    tables = [service, service.get("build"), *_list_items(service.get("post_start"))]
    tables += _list_items(service.get("pre_stop"))
    for table in tables:
        value = table.get("privileged") if isinstance(table, Table) else None
        if value is not None and _is_true(value, stack):
            yield "privileged", value
    build = service.get("build")
    if isinstance(build, Table):
        if (value := build.get("network")) is not None and _is(value, "host", stack):
            yield "host network", value
        for value in _list_items(build.get("entitlements")):
            yield "privileged", value


def _list_capabilities(service: Table, stack: Stack) -> Iterator[tuple[str, Value]]:
    for value in _list_items(service.get("cap_add")):
        name = (stack.read(value) or "ALL").upper().removeprefix("CAP_")
        if name not in _HARMLESS:
            yield f"capability {name}", value


def _list_devices(service: Table, stack: Stack) -> Iterator[tuple[str, Value]]:
    for value in _list_items(service.get("devices")):
        source = value.get("source") if isinstance(value, Table) else value
        text = (stack.read(source) or "") if source is not None else ""
        if not text.startswith(("nvidia.com/", "amd.com/")):  # by CDI, as gpus has them
            yield f"device {text.partition(':')[0] or 'unknown'}", value
    for value in _list_items(service.get("device_cgroup_rules")):
        yield f"device {stack.read(value) or 'unknown'}", value


def _list_items(value: Value | None) -> list[Value]:
    return list(value.items) if isinstance(value, Listing) else []


def _is(value: Value, word: str, stack: Stack) -> bool:
    """What nobody can tell counts as the worst."""
    text = stack.read(value)
    return text is None or text.strip().lower() == word


def _is_true(value: Value, stack: Stack) -> bool:
    text = stack.read(value)
    return text is None or text.strip().lower() in _TRUE
