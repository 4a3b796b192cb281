"""Which machines a lab has and which of them run, read from its folder alone: whether the lab is up or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.command import name_up
from homeprod.lab.folder import LabFolder
from homeprod.lab.guest.arguments import GuestFiles
from homeprod.lab.guest.runner import find_process
from homeprod.lab.machine.document import parse_document
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import LabSpec


@dataclass(frozen=True, slots=True)
class LabMachine:
    """``pid`` and ``memory`` (resident bytes) are those of its QEMU; 0 where it does not run, or where the lab boots
    nothing. ``born`` is when it was created, in seconds since the epoch."""

    vmid: int
    name: str
    node: str
    is_running: bool
    pid: int
    memory: int
    born: str


def list_machines(lab: LabFolder, spec: LabSpec) -> list[LabMachine]:
    """By VMID."""
    machines = (_read(lab, spec, node, file) for node, file in _list_files(lab.path))
    return sorted((machine for machine in machines if machine is not None), key=lambda machine: machine.vmid)


def _list_files(state: Path) -> Iterator[tuple[str, Path]]:
    for file in state.glob("nodes/*/qemu-server/*.conf"):
        if file.stem.isdigit():
            yield file.parents[1].name, file


def _read(lab: LabFolder, spec: LabSpec, node: str, file: Path) -> LabMachine | None:
    vmid = int(file.stem)
    try:
        config = parse_document(file.read_text()).current
    except FileNotFoundError:  # destroyed while we looked
        return None
    mark = find_mark(lab.path, vmid) if spec.boot else None
    is_running = mark is not None if spec.boot else (lab.path / "running" / str(vmid)).exists()
    pid, memory = (mark.pid, mark.memory) if mark is not None else (0, 0)
    born = config.get("meta", "").rpartition("ctime=")[2].partition(",")[0]
    return LabMachine(vmid, config.get("name", f"VM {vmid}"), node, is_running, pid, memory, born)


def guest_files(state: Path, vmid: int) -> GuestFiles:
    return GuestFiles(state.absolute() / "guests" / str(vmid), state.absolute() / "serial" / f"{vmid}.log")


def find_mark(state: Path, vmid: int) -> ProcessMark | None:
    """The machine's QEMU, if it lives."""
    files = guest_files(state, vmid)
    mark = ProcessMark.read(files.mark) or find_process(files)
    return mark if mark is not None and mark.is_alive() else None


def find_machine(lab: LabFolder, spec: LabSpec, name: str) -> LabMachine:
    """A machine by its name or VMID. Raises LabError that names those there are."""
    machines = list_machines(lab, spec)
    found = [machine for machine in machines if name in (machine.name, str(machine.vmid))]
    if len(found) == 1:
        return found[0]
    if found:
        vmids = ", ".join(str(machine.vmid) for machine in found)
        raise LabError(f"several machines are named {name}", hint=f"say which by its VMID: {vmids}")
    known = ", ".join(machine.name for machine in machines)
    hint = (
        f"there are: {known}"
        if known
        else f"there are none yet; make the site's:\n\n  homeprod --lab {lab.name} apply"
    )
    raise LabError(f"lab {lab.name} has no machine {name}", hint=hint)


def require_running(lab: LabFolder, spec: LabSpec, name: str) -> LabMachine:
    """A machine with a living QEMU. Raises LabError."""
    machine = find_machine(lab, spec, name)
    if not spec.boot:
        raise LabError(
            f"lab {lab.name} boots nothing (--no-boot), so {machine.name} is only an entry in its API",
            hint=f"make a lab that boots machines:\n\n  {name_up('NAME', boots=True)}",
        )
    if not machine.pid:
        raise LabError(
            f"{machine.name} does not run",
            where=f"lab {lab.name}",
            hint=f"what its console said last is in {guest_files(lab.path, machine.vmid).serial_log}; start it:"
            f"\n\n  homeprod --lab {lab.name} apply --start",
        )
    return machine


def list_running_tasks(state: Path) -> list[str]:
    """The tasks that the lab's process works on now (``qmcreate 100``), from its journal."""
    running: dict[str, str] = {}
    try:
        lines = (state / "tasks.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            task = json.loads(line)
        except ValueError:
            continue
        running.pop(task["upid"], None)
        if task["exitstatus"] is None:
            running[task["upid"]] = f"{task['kind']} {task['id']}".strip()
    return list(running.values())
