"""The runner of a lab that boots machines: each is a QEMU process in the lab's namespace."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.core.errors import LabError
from homeprod.lab.guest.acceleration import Acceleration, find_acceleration
from homeprod.lab.guest.agent import Agent
from homeprod.lab.guest.arguments import GuestFiles, make_arguments, read_cards
from homeprod.lab.guest.monitor import Monitor
from homeprod.lab.lan.network import Lan
from homeprod.lab.ports import AgentNotRunningError, StartOrder
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import LabSpec

_QUIT_PATIENCE = 10.0
"""Seconds that QEMU gets to write out its disks before it is killed."""
_LOOK_EVERY = 0.1


class QemuRunner:
    """A GuestRunner (``lab/ports.py``). The processes outlive this object and are found again by a new one: their
    ids and start times are kept below ``state``.

    The lab's LAN must be up. All methods belong to one event loop.
    """

    can_plug = False

    def __init__(self, spec: LabSpec, state: Path) -> None:
        # QEMU runs in a folder of its own, so every path in its arguments has to be whole.
        self._folder = state.absolute() / "guests"
        self._serial_logs = state.absolute() / "serial"
        self._lan = Lan(spec, state)
        self._marks: dict[int, ProcessMark] = {}
        self._monitors: dict[int, Monitor] = {}
        self._agents: dict[int, Agent] = {}
        for folder in (self._folder, self._serial_logs):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        for guest in self._folder.iterdir():
            self._pick_up(int(guest.name))

    def _pick_up(self, vmid: int) -> None:
        """A machine that an earlier runner started, if it still runs."""
        files = self.files(vmid)
        mark = ProcessMark.read(files.mark) or find_process(files)
        if mark is not None and mark.is_alive():
            self._marks[vmid] = mark

    def files(self, vmid: int) -> GuestFiles:
        return GuestFiles(self._folder / str(vmid), self._serial_logs / f"{vmid}.log")

    def acceleration(self) -> Acceleration:
        return find_acceleration()

    def running(self) -> dict[int, ProcessMark]:
        """All machines that run, by VMID."""
        return {vmid: mark for vmid, mark in self._marks.items() if mark.is_alive()}

    async def start(self, order: StartOrder) -> int:
        """Raises LabError, with QEMU's own words where it refused."""
        if self.is_running(order.vmid):
            raise LabError(f"VM {order.vmid} already running")
        await asyncio.to_thread(self._prepare, order)
        try:
            mark = await self._launch(order)
        except BaseException:
            await asyncio.to_thread(self._tidy, order.vmid)
            raise
        self._marks[order.vmid] = mark
        return mark.pid

    def _prepare(self, order: StartOrder) -> None:
        self._tidy(order.vmid)
        files = self.files(order.vmid)
        files.folder.mkdir()
        cards = [card for card in read_cards(order.config) if card.bridge]
        # Written before they are made, so that whatever happens in between is cleaned by the next one.
        files.taps.write_text("".join(f"{card.tap(order.vmid)}\n" for card in cards))
        for card in cards:
            self._lan.add_tap(card.tap(order.vmid), card.bridge, is_down=card.is_down)

    async def _launch(self, order: StartOrder) -> ProcessMark:
        files = self.files(order.vmid)
        argv = self._lan.enter(make_arguments(order, files, self.acceleration()))
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=files.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise LabError(f"{error.filename} is not installed", hint="run make setup, which installs it") from error
        output, _ = await process.communicate()
        if process.returncode:
            raise LabError(output.decode(errors="replace").strip() or "QEMU failed", where=f"VM {order.vmid}")
        mark = ProcessMark.of(int(files.pid_file.read_text()))
        if mark is None:
            raise LabError("QEMU ended at once", where=f"VM {order.vmid}", hint=f"see {files.serial_log}")
        mark.write(files.mark)
        return mark

    def _tidy(self, vmid: int) -> None:
        """Forget a machine that does not run: its sockets, and its taps in the LAN."""
        files = self.files(vmid)
        if files.taps.exists():
            for tap in files.taps.read_text().split():
                self._lan.remove_tap(tap)
        shutil.rmtree(files.folder, ignore_errors=True)
        self._marks.pop(vmid, None)
        self._monitors.pop(vmid, None)
        self._agents.pop(vmid, None)

    async def stop(self, vmid: int) -> None:
        """QEMU is told to quit, so that it writes out its disks; the guest notices nothing but darkness."""
        mark = self._marks.get(vmid)
        if mark is not None and mark.is_alive():
            try:
                await self._monitor(vmid).call("quit")
            except LabError:
                mark.send(signal.SIGTERM)
            if not await _wait(mark, _QUIT_PATIENCE):
                mark.send(signal.SIGKILL)
                await _wait(mark, _QUIT_PATIENCE)
        await asyncio.to_thread(self._tidy, vmid)

    async def shutdown(self, vmid: int, timeout: float) -> bool:
        mark = self._marks.get(vmid)
        if mark is None or not mark.is_alive():
            return True
        try:
            await self._ask_off(vmid)
        except LabError:
            # The guest may have gone of its own accord in this very moment; anything else is a real failure.
            if mark.is_alive():
                raise
        if not await _wait(mark, timeout):
            return False
        await asyncio.to_thread(self._tidy, vmid)
        return True

    async def _ask_off(self, vmid: int) -> None:
        if await self._has_agent(vmid):
            try:
                await self._agent(vmid).tell("guest-shutdown", {"mode": "powerdown"})
            except AgentNotRunningError:
                pass
            else:
                return
        await self._monitor(vmid).call("system_powerdown")

    async def reset(self, vmid: int) -> None:
        await self._monitor(vmid).call("system_reset")

    def is_running(self, vmid: int) -> bool:
        mark = self._marks.get(vmid)
        return mark is not None and mark.is_alive()

    def pid(self, vmid: int) -> int:
        mark = self._marks.get(vmid)
        return mark.pid if mark is not None and mark.is_alive() else 0

    async def grow_disk(self, vmid: int, slot: str, size: int) -> None:
        await self._monitor(vmid).call("block_resize", {"device": f"drive-{slot}", "size": size})

    async def change_cdrom(self, vmid: int, slot: str, path: Path | None) -> None:
        """A guest's lock on its tray is broken, as Proxmox breaks it."""
        if path is None:
            await self._monitor(vmid).call("eject", {"id": slot, "force": True})
        else:
            medium = {"id": slot, "filename": str(path.absolute()), "format": "raw", "read-only-mode": "read-only"}
            await self._monitor(vmid).call("blockdev-change-medium", {**medium, "force": True})

    async def call_agent(self, vmid: int, command: str, arguments: Mapping[str, Any]) -> Any:
        if not await self._has_agent(vmid):
            raise AgentNotRunningError(f"no agent in VM {vmid}")
        return await self._agent(vmid).call(command, arguments)

    async def _has_agent(self, vmid: int) -> bool:
        """Whether somebody in the guest has the agent's port open: asked of QEMU, so that a machine that still
        boots is no wait."""
        if not self.is_running(vmid):
            return False
        try:
            devices = await self._monitor(vmid).call("query-chardev")
        except LabError:
            if self.is_running(vmid):
                raise
            return False
        return any(device["label"] == "qga0" and device["frontend-open"] for device in devices)

    def _monitor(self, vmid: int) -> Monitor:
        return self._monitors.setdefault(vmid, Monitor(self.files(vmid).monitor))

    def _agent(self, vmid: int) -> Agent:
        return self._agents.setdefault(vmid, Agent(self.files(vmid).agent))

    async def close(self) -> None:
        """Machines keep running; no connection is held between calls."""


def find_process(files: GuestFiles) -> ProcessMark | None:
    """The process of a machine whose starter was killed before it could write the mark: the one that QEMU's own
    pid file names, if its arguments name that file."""
    try:
        pid = int(files.pid_file.read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return ProcessMark.of(pid) if str(files.pid_file).encode() in arguments else None


async def _wait(mark: ProcessMark, timeout: float) -> bool:
    """Whether the process ended within ``timeout`` seconds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while mark.is_alive():
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(_LOOK_EVERY)
    return True
