"""What a host has once, and two of its apps would both take: a port, the name of a container. The second would not
start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from homeprod.apps.document import Listing, Scalar, Table, Value
from homeprod.apps.host import App
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import Stack

_SHORT = re.compile(
    r"(?:(?P<address>\[[^\]]+\]|[0-9.]+):)?(?P<first>\d+)(?:-(?P<last>\d+))?:[\d-]+(?:/(?P<kind>\w+))?"
)
_ANY = ("", "0.0.0.0", "[::]")  # noqa: S104  # what is compared, not listened on


@dataclass(frozen=True, slots=True)
class _Taken:
    app: str
    what: str
    address: str
    place: Place

    def clashes(self, other: _Taken) -> bool:
        is_same = self.address == other.address or self.address in _ANY or other.address in _ANY
        return self.what == other.what and self.app != other.app and is_same


def check_taken(apps: Iterable[App], stacks: Mapping[str, Stack], sheet: Sheet) -> None:
    """Of one host."""
    seen: list[_Taken] = []
    for app in apps:
        stack = stacks.get(app.name) if app.is_enabled else None
        taken = list(_list_taken(stack)) if stack is not None else []
        for one in taken:
            other = next((known for known in seen if known.clashes(one)), None)
            if other is not None:
                hint = f"{other.place.file}:{other.place.line} has it; give one of them another"
                sheet.refuse(one.place, f"{one.app} and {other.app} both take {one.what}", hint)
        seen += taken


def _list_taken(stack: Stack) -> Iterator[_Taken]:
    for _, service in stack.services:
        name = service.get("container_name")
        if name is not None and (text := stack.read(name)):
            yield _Taken(stack.app.name, f"the container's name {text}", "", name.place)
        ports = service.get("ports")
        for item in ports.items if isinstance(ports, Listing) else ():
            yield from _list_ports(stack, item)


def _list_ports(stack: Stack, item: Value) -> Iterator[_Taken]:
    """Rules from outside: Compose Specification, "ports"."""
    address, first, last, kind = _read_port(stack, item)
    if first.isdecimal() and last.isdecimal() and int(last) - int(first) < 1000:
        for port in range(int(first), int(last) + 1):
            yield _Taken(stack.app.name, f"port {port}/{kind}", address, item.place)


def _read_port(stack: Stack, item: Value) -> tuple[str, str, str, str]:
    """Address, first and last port, kind; without a port where none is fixed."""
    if isinstance(item, Table):
        published = stack.read(item.get("published")) or ""
        first, _, last = published.partition("-")
        return stack.read(item.get("host_ip")) or "", first, last or first, stack.read(item.get("protocol")) or "tcp"
    match = _SHORT.fullmatch(stack.read(item) or "") if isinstance(item, Scalar) else None
    if match is None:
        return "", "", "", ""
    return match["address"] or "", match["first"], match["last"] or match["first"], match["kind"] or "tcp"
