"""A lab's LAN: its namespace, bridges, gateways and DNS, and a tap for every card."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.lan.gateway import Gateway
from homeprod.lab.lan.gitserver import GitServer
from homeprod.lab.lan.namespace import Namespace
from homeprod.lab.lan.outside import Outside
from homeprod.lab.lan.resolver import list_gateways, write_configuration
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import BridgeSpec, LabSpec


class Lan:
    """The network of the lab whose folder is ``state``. Nothing is held between calls: what is up is asked of the
    kernel, so a killed lab's LAN is found again."""

    def __init__(self, spec: LabSpec, state: Path) -> None:
        self._spec = spec
        self._folder = state.absolute() / "lan"
        self.namespace = Namespace(name_namespace(spec.name, state))
        self.git = GitServer(state, self.namespace)
        self.outside = Outside(spec.wan, self.namespace)
        self.gateway = Gateway(self._folder / "gateway.nft", self.namespace)

    @property
    def _mark(self) -> Path:
        return self._folder / "dnsmasq.json"

    @property
    def _configuration(self) -> Path:
        return self._folder / "dnsmasq.conf"

    def is_up(self) -> bool:
        """Whether the namespace is there and somebody answers DNS in it."""
        mark = ProcessMark.read(self._mark)
        return self.namespace.exists() and mark is not None and mark.is_alive()

    def up(self) -> None:
        """Make what is missing and keep what is there: machines that still run keep their cables. Raises LabError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.namespace.exists():
            self._end_resolver()
            self.git.down()
            self.namespace.add()
        self.namespace.run("ip", "-batch", "-", given="\n".join(self._commands()) + "\n")
        self.namespace.run("sh", "-c", _FORWARD)
        self.outside.up()
        self.gateway.up()
        self._start_resolver()
        self.git.up(list_gateways(self._spec))

    def down(self) -> None:
        """Remove everything; nothing happens where nothing is. Raises LabError.

        Whatever still runs inside (a login of a person, a QEMU that lost its starter) is ended: the namespace would
        live on with it, without a name.
        """
        self._end_resolver()
        self.git.down()
        self.outside.down()
        left = self.namespace.list_processes()
        for mark in left:
            mark.send(signal.SIGTERM)
        for mark in left:
            mark.end()
        self.namespace.delete()

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` in the lab's network."""
        return self.namespace.enter(argv)

    def add_tap(self, name: str, bridge: str, *, is_down: bool = False) -> None:
        """A cable from ``bridge`` that QEMU can hold the other end of. Raises LabError."""
        self.remove_tap(name)
        state = "down" if is_down else "up"
        commands = [f"tuntap add dev {name} mode tap", f"link set dev {name} master {bridge} {state}"]
        self.namespace.run("ip", "-batch", "-", given="\n".join(commands) + "\n")

    def remove_tap(self, name: str) -> None:
        """Nothing happens when it is not there."""
        if self.namespace.exists() and name in self.list_links():
            self.namespace.run("ip", "link", "delete", "dev", name)

    def list_links(self) -> set[str]:
        return self.namespace.list_links()

    def _commands(self) -> Iterator[str]:
        present = self.list_links()
        yield "link set dev lo up"
        for bridge in self._spec.bridges:
            if bridge.name not in present:
                # Without the delay a card that was just plugged in can speak at once.
                yield f"link add name {bridge.name} type bridge forward_delay 0 mcast_snooping 0"
            yield from _address_commands(bridge)
            yield f"link set dev {bridge.name} up"

    def _start_resolver(self) -> None:
        wanted = write_configuration(self._spec)
        mark = ProcessMark.read(self._mark)
        is_same = self._configuration.exists() and self._configuration.read_text() == wanted
        if mark is not None and mark.is_alive() and is_same:
            return
        self._end_resolver()
        self._configuration.write_text(wanted)
        pid_file = self._folder / "dnsmasq.pid"
        log = self._folder / "dnsmasq.log"
        self.namespace.run(
            "dnsmasq", f"--conf-file={self._configuration}", f"--pid-file={pid_file}", f"--log-facility={log}"
        )
        found = ProcessMark.of(int(pid_file.read_text()))
        if found is None:
            raise LabError("the lab's DNS ended at once", hint=f"see {log}")
        found.write(self._mark)

    def _end_resolver(self) -> None:
        mark = ProcessMark.read(self._mark) or self._find_resolver()
        if mark is not None:
            mark.end()
        self._mark.unlink(missing_ok=True)

    def _find_resolver(self) -> ProcessMark | None:
        """A dnsmasq whose starter was killed before it wrote the mark: known by its arguments."""
        try:
            pid = int((self._folder / "dnsmasq.pid").read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return ProcessMark.of(pid) if f"--conf-file={self._configuration}".encode() in arguments else None


_FORWARD = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
"""The gateway is a router, as far as the lab and what stands in for the outside go: no route leads out of these."""


def _address_commands(bridge: BridgeSpec) -> Iterator[str]:
    for text in bridge.gateways:
        yield f"address replace {ipaddress.ip_interface(text)} dev {bridge.name}{_nodad(text)}"
    for text in bridge.resolvers:
        # A single address: the subnet is the gateway's.
        yield f"address replace {ipaddress.ip_interface(text).ip} dev {bridge.name}{_nodad(text)}"


def _nodad(text: str) -> str:
    """IPv6 only: nobody else can hold the address, so it need not be asked for."""
    return " nodad" if ipaddress.ip_interface(text).version == 6 else ""


def name_namespace(name: str, state: Path) -> str:
    """``homeprod-NAME-HASH``: one name for one lab's folder, even where two chroots with a lab of the same name
    share /run."""
    root = os.stat("/")  # noqa: PTH116 (the root's own identity, which a chroot changes)
    identity = f"{root.st_dev}:{root.st_ino}:{state.absolute()}"
    short = re.sub(r"[^a-z0-9-]", "-", name.lower())[:32]
    return f"homeprod-{short}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
