"""Changing a machine: PUT and POST /nodes/{node}/qemu/{vmid}/config, and unlink."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass

from homeprod.lab.api.error import ApiError, refuse_parameters
from homeprod.lab.api.formats import split_list
from homeprod.lab.api.routing import Call
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.boot import parse_order, with_cdrom, without_device
from homeprod.lab.machine.disks import DriveMaker, find_owner, free_volume
from homeprod.lab.machine.document import verify_stored
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.machinetype import pin_machine
from homeprod.lab.machine.options import find_option, is_drive, is_unused
from homeprod.lab.machine.pending import add_unused, apply_live, apply_pending, clean_pending, drop_used
from homeprod.lab.machine.request import prepare_options, require_options, split_options, verify_keys
from homeprod.lab.machine.store import Machine
from homeprod.lab.task import Task


@dataclass(frozen=True, slots=True)
class Change:
    """One request, checked. ``options`` are in stored form but for drives that ask for a volume."""

    options: dict[str, str | None]
    delete: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    digest: str = ""
    is_forced: bool = False
    skips_lock: bool = False


async def change_machine(call: Call) -> None:
    """PUT: returns when the change is stored."""
    change = read_change(call)
    await carry_out(call.hypervisor, call.node, call.vmid, change, None)


async def change_machine_in_task(call: Call) -> str | None:
    """POST: a ``qmconfig`` task, or None when it ended well within ``background_delay`` seconds."""
    hypervisor, node, vmid = call.hypervisor, call.node, call.vmid
    change = read_change(call)
    sent = " ".join(f"-{key} {call.text(key)}" for key in sorted(call.params) if key in change.options)

    async def work(task: Task) -> None:
        task.say(f"update VM {vmid}: {sent}")
        await carry_out(hypervisor, node, vmid, change, task)

    hypervisor.machines.read(node, vmid)
    upid = hypervisor.tasks.start(node, "qmconfig", str(vmid), call.who.id, work)
    delay = call.number("background_delay", 0)
    if not delay:
        return upid
    try:
        task = await asyncio.wait_for(asyncio.shield(hypervisor.tasks.wait(upid)), delay)
    except TimeoutError:
        return upid
    if task.exitstatus != "OK":
        raise ApiError(task.exitstatus or "")
    return None


async def unlink_drives(call: Call) -> None:
    """PUT unlink: the same as deleting the keys."""
    delete = tuple(split_list(call.text("idlist")))
    _check_names(delete, (), {})
    require_options(call, call.vmid, delete)
    change = Change({}, delete=delete, is_forced=call.flag("force"))
    await carry_out(call.hypervisor, call.node, call.vmid, change, None)


def read_change(call: Call) -> Change:
    """Check a request as Proxmox does before it takes the machine's lock. Raises ApiError."""
    if call.flag("skiplock") and not call.who.is_root:
        raise refuse_parameters({"skiplock": "Only root may use this option."})
    if call.params.get("force") is not None and call.params.get("delete") is None:
        raise refuse_parameters({"delete": "missing property required by 'force'"})
    options = split_options(call.params)
    if keys := options.get("sshkeys"):
        verify_keys(keys)
    delete = tuple("ide2" if key == "cdrom" else key for key in split_list(call.text("delete")))
    revert = tuple("ide2" if key == "cdrom" else key for key in split_list(call.text("revert")))
    if not options and not delete and not revert:
        raise ApiError("no options specified")
    _check_names(delete, revert, options)
    require_options(call, call.vmid, [*delete, *revert, *options])
    if (script := options.get("hookscript")) and call.hypervisor.catalog.find(script) is None:
        raise refuse_parameters({"hookscript": f"script '{script}' does not exist\n"})
    prepared = prepare_options(call, call.vmid, options)
    if prepared.get("cipassword") and not str(prepared["cipassword"]).startswith("$"):
        prepared["cipassword"] = _hash_password(str(prepared["cipassword"]))
    return Change(prepared, delete, revert, call.text("digest"), call.flag("force"), call.flag("skiplock"))


def _check_names(delete: tuple[str, ...], revert: tuple[str, ...], options: dict[str, str | None]) -> None:
    for key in revert:
        if find_option(key) is None:
            raise refuse_parameters({"revert": f"unknown option '{key}'"})
        if key in delete:
            raise refuse_parameters({"revert": f"you can't use '-delete {key}' and -revert {key}' at the same time"})
        if key in options:
            raise refuse_parameters({"delete": f"you can't use '-{key}' and -revert {key}' at the same time"})
    for key in delete:
        if key in options:
            raise refuse_parameters({"delete": f"you can't use '-{key}' and -delete {key}' at the same time"})
        if find_option(key) is None:
            raise refuse_parameters({"delete": f"unknown option '{key}'"})


def _hash_password(password: str) -> str:
    """The shape of Proxmox's SHA-256 crypt. The lab builds no cloud-init drive of Proxmox's own, so nobody will
    ever compare it; what matters is that the plain text is not kept."""
    salt = secrets.token_hex(4)
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1, dklen=32)
    return f"$5${salt}${base64.b64encode(digest, altchars=b'./').decode().rstrip('=')}"


async def carry_out(hypervisor: Hypervisor, node: str, vmid: int, change: Change, task: Task | None) -> None:
    """Store one change under the machine's lock. Raises ApiError."""
    hypervisor.machines.read(node, vmid)
    async with hypervisor.machines.lock(vmid):
        machine = hypervisor.machines.read(node, vmid)
        check_digest(machine, change.digest)
        if not change.skips_lock:
            check_lock(machine)
        await _Update(hypervisor, machine, change, task).run()


def check_digest(machine: Machine, digest: str) -> None:
    if digest and digest != machine.digest:
        raise ApiError("checksum mismatch (file change by other user?)")


def check_lock(machine: Machine) -> None:
    if lock := machine.document.current.get("lock"):
        raise ApiError(f"VM is locked ({lock})")


class _Update:
    """One change on its way into one machine's file, in Proxmox's own order: delete, set, take effect."""

    def __init__(self, hypervisor: Hypervisor, machine: Machine, change: Change, task: Task | None) -> None:
        self._hypervisor = hypervisor
        self._vmid = machine.vmid
        self._node = machine.node
        self._change = change
        self._task = task
        self._document = machine.document.copy()

    async def run(self) -> None:
        self._check_values()
        for key in self._change.revert:
            self._revert(key)
        for key in self._change.delete:
            await self._delete(key)
        await self._set_all()
        clean_pending(self._document)
        self._write()
        if self._hypervisor.is_running(self._vmid):
            await apply_live(self._hypervisor, self._vmid, self._document)
        else:
            await apply_pending(self._hypervisor, self._vmid, self._document)
        drop_used(self._document)
        self._write()

    def _write(self) -> None:
        machine = self._hypervisor.machines.write(self._vmid, self._node, self._document)
        self._document = machine.document.copy()

    def _check_values(self) -> None:
        options, wanted = self._change.options, self._document.wanted()
        if options.get("memory") is not None or options.get("balloon") is not None:
            memory = int(str(options.get("memory") or wanted.get("memory", "512")).removeprefix("current="))
            balloon = int(options.get("balloon") or wanted.get("balloon", "0"))
            if balloon > memory:
                raise ApiError("balloon value too large (must be smaller than assigned memory)")
        self._check_machine_type(options.get("machine") or "")
        for device in parse_order(options.get("boot") or "", self._hypervisor.release) or []:
            if device not in self._document.current and device not in wanted and device not in options:
                raise ApiError(f"invalid bootorder: device '{device}' does not exist'")

    def _check_machine_type(self, machine: str) -> None:
        if "viommu=intel" in machine and "q35" not in machine:
            raise ApiError("to use Intel vIOMMU please set the machine type to q35")

    def _revert(self, key: str) -> None:
        self._release_pending(key, "")
        self._document.pending.pop(key, None)
        self._document.delete.pop(key, None)

    def _release_pending(self, key: str, replacement: str) -> None:
        """A volume that waited to be attached and now never will be is kept as unused."""
        waiting = self._document.pending.get(key)
        if waiting is None or not is_drive(key):
            return
        drive = parse_drive(key, waiting, self._hypervisor.release)
        if drive is not None and drive.file != replacement.split(",")[0]:
            del self._document.pending[key]
            add_unused(self._hypervisor, self._vmid, self._document, drive)

    async def _delete(self, key: str) -> None:
        document = self._document
        if key not in document.current and key not in document.pending:
            return
        if is_unused(key):
            await self._free_unused(key)
            return
        if is_drive(key) and document.current.get("protection") == "1":
            raise ApiError(f"can't remove drive '{key}' - protection mode enabled")
        self._release_pending(key, "")
        document.pending.pop(key, None)
        document.delete[key] = self._change.is_forced
        order = without_device(document.current, key, self._hypervisor.release)
        if order is not None:
            document.pending["boot"] = order

    async def _free_unused(self, key: str) -> None:
        document = self._document
        volume = document.current[key].split(",")[0]
        if document.current.get("protection") == "1":
            raise ApiError(f"can't remove unused disk '{key}' - protection mode enabled")
        if any(volume in section_volumes(section) for section in document.snapshots.values()):
            raise ApiError(f"unable to delete '{volume}' - volume is still in use (snapshot?)")
        if find_owner(self._hypervisor, volume) == self._vmid:
            await free_volume(self._hypervisor, volume)
        del document.current[key]

    async def _set_all(self) -> None:
        is_template = self._document.current.get("template") == "1"
        say = self._task.say if self._task is not None else _say_nothing
        maker = DriveMaker(self._hypervisor, self._vmid, self._node, say, is_base=is_template)
        options = dict(self._change.options)
        wanted = {**self._document.wanted(), **options}
        if "ostype" in options:
            pin_machine(wanted, self._hypervisor.release, self._task)
            if wanted.get("machine") != self._document.wanted().get("machine"):
                options["machine"] = wanted["machine"]
        try:
            for key in sorted(options):
                await self._set(key, options[key], maker)
        except BaseException:
            await maker.undo()
            raise

    async def _set(self, key: str, value: str | None, maker: DriveMaker) -> None:
        document = self._document
        drive = parse_drive(key, value, self._hypervisor.release) if value and is_drive(key) else None
        if value is not None and is_drive(key):
            self._release_pending(key, value)
            order = with_cdrom({**document.current, **document.pending}, key, value, self._hypervisor.release)
            if order is not None:
                document.pending["boot"] = order
        if drive is not None:
            value = await maker.make(drive)
        if is_unused(key) and value is not None:
            value = value.split(",")[0]
        try:
            document.pending[key] = verify_stored(key, value, self._hypervisor.release)
        except ValueError as error:
            raise ApiError(str(error)) from None
        document.delete.pop(key, None)
        drop_used(document)


def section_volumes(section: dict[str, str]) -> set[str]:
    return {value.split(",")[0] for key, value in section.items() if is_drive(key)}


def _say_nothing(_: str) -> None:
    """A PUT has no log."""
