"""The machines of the lab: one configuration file each, written atomically, kept parsed in memory."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeprod.lab.api.error import ApiError
from homeprod.lab.machine.document import Document, digest_of, parse_document, print_document

CREATE_TIMEOUT = 1.0
CHANGE_TIMEOUT = 10.0
"""Seconds that Proxmox waits for a machine's lock: create and clone, everything else."""


@dataclass(slots=True)
class Machine:
    """``document`` is never changed in place: a write replaces it. ``memo`` holds what was derived from it."""

    vmid: int
    node: str
    document: Document
    digest: str
    memo: dict[str, Any] = field(default_factory=dict)


class MachineStore:
    """Files ``nodes/NODE/qemu-server/VMID.conf`` below ``root``, as on Proxmox's cluster file system."""

    def __init__(self, root: Path, nodes: tuple[str, ...]) -> None:
        self._root = root
        self._locks: dict[int, asyncio.Lock] = {}
        self._machines: dict[int, Machine] = {}
        for node in nodes:
            folder = self._folder(node)
            folder.mkdir(parents=True, exist_ok=True)
            for file in folder.glob("*.conf"):
                if re.fullmatch(r"\d+\.conf", file.name):
                    self._keep(int(file.stem), node, file.read_text())

    def _folder(self, node: str) -> Path:
        return self._root / "nodes" / node / "qemu-server"

    def _keep(self, vmid: int, node: str, text: str) -> Machine:
        machine = Machine(vmid, node, parse_document(text), digest_of(text))
        self._machines[vmid] = machine
        return machine

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._machines.values())

    def __contains__(self, vmid: int) -> bool:
        return vmid in self._machines

    def find(self, vmid: int) -> Machine | None:
        return self._machines.get(vmid)

    def read(self, node: str, vmid: int) -> Machine:
        """Raises ApiError in Proxmox's words where the machine is not on this node."""
        machine = self._machines.get(vmid)
        if machine is None or machine.node != node:
            raise ApiError(f"Configuration file 'nodes/{node}/qemu-server/{vmid}.conf' does not exist")
        return machine

    def write(self, vmid: int, node: str, document: Document) -> Machine:
        """Replace the machine's file; what was written is what is read from then on."""
        return self.write_text(vmid, node, print_document(document))

    def write_text(self, vmid: int, node: str, text: str) -> Machine:
        """The same with the file's very text."""
        file = self._folder(node) / f"{vmid}.conf"
        temporary = file.with_suffix(".tmp")
        temporary.write_text(text)
        os.replace(temporary, file)  # noqa: PTH105 (atomic by intent, and named so)
        return self._keep(vmid, node, text)

    def remove(self, vmid: int) -> None:
        machine = self._machines.pop(vmid)
        (self._folder(machine.node) / f"{vmid}.conf").unlink(missing_ok=True)

    def next_id(self) -> int:
        vmid = 100
        while vmid in self._machines:
            vmid += 1
        return vmid

    @asynccontextmanager
    async def lock(self, vmid: int, timeout: float = CHANGE_TIMEOUT) -> AsyncIterator[None]:
        """Proxmox's lock file of one machine. Raises ApiError when it is not had within ``timeout`` seconds."""
        lock = self._locks.setdefault(vmid, asyncio.Lock())
        await acquire_lock(lock, f"/var/lock/qemu-server/lock-{vmid}.conf", timeout)
        try:
            yield
        finally:
            lock.release()


async def acquire_lock(lock: asyncio.Lock, file: str, timeout: float) -> None:
    if not lock.locked():
        await lock.acquire()
        return
    try:
        await asyncio.wait_for(lock.acquire(), timeout)
    except TimeoutError:
        raise ApiError(f"can't lock file '{file}' - got timeout") from None
