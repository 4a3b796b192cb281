"""Hosts of a test's own: network namespaces on one bridge, each with its addresses. They end with who made them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import ParamSpec, TypeVar

P, T = ParamSpec("P"), TypeVar("T")
Interface = IPv4Interface | IPv6Interface
LIMIT = 30.0
"""Seconds; the kernel may hold these calls up while it tears other namespaces down."""
_CLONE_NEWNET = 0x40000000
"""linux/sched.h; `os.setns` is there from Python 3.12 on."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class Host:
    """A namespace without a name: a process holds it that ends when its standard input does."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ("unshare", "--net", "--", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(b"\n")
        self._holder.stdin.flush()
        assert self._holder.stdout.read(1), "it is inside once it answers"
        self.pid = self._holder.pid

    def call(self, act: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
        """Done inside, by a thread that goes there and never comes back. Sockets and processes made by it are inside
        for as long as they live."""

        def enter_and_act() -> T:
            with Path(f"/proc/{self.pid}/ns/net").open() as namespace:
                if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return act(*arguments, **more)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(enter_and_act).result()

    def configure(self, *lines: str) -> None:
        """By lines of ``ip -batch``."""
        text = "".join(f"{line}\n" for line in lines)
        command = ("ip", "-batch", "-")
        done = self.call(
            subprocess.run, command, input=text, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        self._holder.communicate(timeout=LIMIT)


@contextlib.contextmanager
def open_hosts(addresses: dict[str, tuple[str, ...]]) -> Iterator[dict[str, Host]]:
    """Hosts by name, each with its addresses (with prefix lengths) on ``eth0``. Every subnet is on the one wire, so
    nobody needs a router."""
    interfaces = {name: [_parse(text) for text in texts] for name, texts in addresses.items()}
    subnets = {one.network for own in interfaces.values() for one in own}
    with contextlib.ExitStack() as stack:
        switch = _open(stack)
        switch.configure("link add bridge type bridge", "link set bridge up")
        hosts = {}
        for number, (name, own) in enumerate(interfaces.items()):
            host = hosts[name] = _open(stack)
            switch.configure(
                f"link add port{number} type veth peer name eth0 netns {host.pid}",
                f"link set port{number} master bridge up",
            )
            strange = subnets - {one.network for one in own}
            host.configure(
                "link set lo up",
                "link set eth0 up",
                *(f"addr add {one} dev eth0{' nodad' if one.version == 6 else ''}" for one in own),
                *(f"route add {subnet} dev eth0" for subnet in sorted(map(str, strange))),
            )
        yield hosts


def _open(stack: contextlib.ExitStack) -> Host:
    host = Host()
    stack.callback(host.close)
    return host


def _parse(text: str) -> Interface:
    return IPv6Interface(text) if ":" in text else IPv4Interface(text)
