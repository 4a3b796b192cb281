"""What is outside a lab: a network namespace of its own, a cable from the lab's gateway, and one client at its end.

It stands in for the internet, so the addresses are those that are kept for documentation (RFC 5737, RFC 3849). The
client knows the way to the gateway and, for IPv6, by it to the LAN, as a provider routes a delegated prefix.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from homeprod.core.errors import LabError
from homeprod.lab.lan.namespace import Namespace
from homeprod.lab.spec import WanSpec

_CABLE = "wan"
"""The cable's name at the client's end."""


class Outside:
    """Of the lab whose gateway is in ``inside``. Nothing is held between calls."""

    def __init__(self, spec: WanSpec, inside: Namespace) -> None:
        self._spec, self._inside = spec, inside
        self.namespace = Namespace(f"{inside.name}-out")

    @property
    def interface(self) -> str:
        """The cable's name at the gateway's end."""
        return self._spec.interface

    def up(self) -> None:
        """Make what is missing. Raises LabError."""
        if not self.namespace.exists():
            self.namespace.add()
        if _CABLE not in self.namespace.list_links():
            self._lay()
        self.namespace.run("ip", "-batch", "-", given=_write(_list_commands(self._spec, is_client=True, name=_CABLE)))
        commands = _list_commands(self._spec, is_client=False, name=self._spec.interface)
        self._inside.run("ip", "-batch", "-", given=_write(commands))

    def down(self) -> None:
        """End what runs there, and remove it. Raises LabError."""
        for mark in self.namespace.list_processes():
            mark.end()
        self._cut()
        self.namespace.delete()

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` there."""
        return self.namespace.enter(argv)

    def _cut(self) -> None:
        """Both ends go at once. With a namespace the kernel takes them when it comes to it: until then a new cable
        finds the old one's end."""
        if self.namespace.exists() and _CABLE in self.namespace.list_links():
            self.namespace.run("ip", "link", "delete", "dev", _CABLE)

    def _lay(self) -> None:
        if self._spec.interface in self._inside.list_links():
            raise LabError(f"the lab has another link {self._spec.interface}")
        peer = f"peer name {_CABLE} netns {self.namespace.path}"
        self._inside.run("ip", "-batch", "-", given=f"link add name {self._spec.interface} type veth {peer}\n")


def _list_commands(spec: WanSpec, *, is_client: bool, name: str) -> list[str]:
    commands = ["link set dev lo up", f"link set dev {name} up"]
    for text in spec.clients if is_client else spec.gateways:
        address = ipaddress.ip_interface(text)
        commands.append(f"address replace {address} dev {name}{' nodad' if address.version == 6 else ''}")
    if is_client:
        commands += [
            f"route replace ::/0 via {address.ip}"
            for address in map(ipaddress.ip_interface, spec.gateways)
            if address.version == 6
        ]
    return commands


def _write(commands: list[str]) -> str:
    return "\n".join(commands) + "\n"
