"""From a machine's configuration, in Proxmox's keys and texts, to QEMU's arguments.

The machine is the one that Proxmox's qemu-server builds from the same configuration (PVE/QemuServer.pm), as far
as a guest can tell: the same controllers, slots and serial numbers. Where the lab differs it is written at the line.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.guest.acceleration import QEMU, Acceleration
from homeprod.lab.ports import DriveFile, StartOrder

_SLOT = re.compile(r"(scsi|virtio|ide|sata)(\d+)\Z")
_NET = re.compile(r"net(\d+)\Z")
_MODELS = {
    "virtio": "virtio-net-pci", "e1000": "e1000", "e1000e": "e1000e", "rtl8139": "rtl8139", "vmxnet3": "vmxnet3",
}  # fmt: skip
_CONTROLLERS = {
    "lsi": "lsi", "lsi53c810": "lsi53c810", "megasas": "megasas", "pvscsi": "pvscsi",
    "virtio-scsi-pci": "virtio-scsi-pci", "virtio-scsi-single": "virtio-scsi-pci",
}  # fmt: skip
_ENABLED = ("1", "on", "yes", "true")


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """``index`` of netN, ``bridge`` empty where the card is on none."""

    index: int
    model: str
    mac: str
    bridge: str
    is_down: bool

    def tap(self, vmid: int) -> str:
        """The name of its tap; Proxmox's own form, at most 15 characters."""
        return f"tap{vmid}i{self.index}"


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """What QEMU makes for one machine: ``folder`` holds its sockets (named in QEMU's arguments relative to it, for
    a socket's address is short), ``serial_log`` all that its serial console ever said."""

    folder: Path
    serial_log: Path

    @property
    def monitor(self) -> Path:
        return self.folder / "qmp.sock"

    @property
    def agent(self) -> Path:
        return self.folder / "qga.sock"

    @property
    def serial(self) -> Path:
        return self.folder / "serial.sock"

    @property
    def pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    def mark(self) -> Path:
        return self.folder / "process.json"

    @property
    def taps(self) -> Path:
        return self.folder / "taps"


def read_cards(config: Mapping[str, str]) -> list[NetworkCard]:
    """The network cards of a configuration, by number."""
    found = [(int(match[1]), value) for key, value in config.items() if (match := _NET.match(key))]
    return [_read_card(index, text) for index, text in sorted(found)]


def _read_card(index: int, text: str) -> NetworkCard:
    values = _parse_properties(text)
    model = next((name for name in values if name in _MODELS), values.get("model", "virtio"))
    mac = values.get("macaddr") or values.get(model, "")
    return NetworkCard(index, model, mac, values.get("bridge", ""), values.get("link_down", "0") in _ENABLED)


def _parse_properties(text: str) -> dict[str, str]:
    """``a=b,c=d`` as a map; a value without a key is under the empty key."""
    pairs = (part.partition("=") for part in text.split(","))
    return {(key if sign else ""): (value if sign else key) for key, sign, value in pairs}


def has_agent(config: Mapping[str, str]) -> bool:
    """Whether the configuration asks for the agent's channel."""
    values = _parse_properties(config.get("agent", "0"))
    return values.get("enabled", values.get("", "0")) in _ENABLED


def make_arguments(order: StartOrder, files: GuestFiles, acceleration: Acceleration) -> list[str]:
    """All of QEMU's command line. Nothing in it is secret: the CD with the user data is a file.

    Raises LabError for a machine that the lab cannot build.
    """
    config = order.config
    if config.get("bios", "seabios") != "seabios":
        raise LabError(f"the lab has no firmware {config['bios']}", hint="set bios=seabios, or leave bios out")
    is_q35 = "q35" in config.get("machine", "")
    ranks = _rank_boot(config, order.drives)
    argv = [QEMU, *_base(order, files, is_q35=is_q35), *acceleration.arguments, *_smbios(config)]
    argv += _channels(files, has_agent=has_agent(config))
    argv += _controllers(order)
    for drive in order.drives:
        argv += _drive(drive, config, ranks, is_q35=is_q35)
    for slot in _empty_trays(order):
        argv += ["-device", f"{_place(slot, config, is_cdrom=True, is_q35=is_q35)},id={slot}"]
    for card in read_cards(config):
        argv += _card(card, order.vmid, ranks)
    return argv


def _base(order: StartOrder, files: GuestFiles, *, is_q35: bool) -> Iterator[str]:
    config = order.config
    processors = int(config.get("cores", "1")) * int(config.get("sockets", "1"))
    memory = _parse_properties(config.get("memory", "512"))
    yield from ("-name", f"guest={_escape(order.name)}", "-machine", "q35" if is_q35 else "pc")
    yield from ("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none")
    yield from ("-smp", str(processors), "-m", memory.get("current", memory.get("", "512")))
    yield from ("-rtc", "base=utc", "-boot", "strict=on", "-daemonize", "-pidfile", str(files.pid_file))
    # Entropy from the first moment: without it a first boot waits for its SSH host key.
    yield from ("-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0")
    yield from ("-chardev", f"socket,id=qmp,path={files.monitor.name},server=on,wait=off")
    yield from ("-mon", "chardev=qmp,mode=control")


def _smbios(config: Mapping[str, str]) -> Iterator[str]:
    """The UUID and texts of ``smbios1``, which Proxmox writes base64-encoded where ``base64=1`` says so."""
    values = _parse_properties(config.get("smbios1", ""))
    encoded = values.pop("base64", "0") in _ENABLED
    values.pop("", None)
    fields = []
    for key, value in values.items():
        text = base64.b64decode(value).decode() if encoded and key != "uuid" else value
        fields.append(f"{key}={_escape(text)}")
    if fields:
        yield from ("-smbios", ",".join(["type=1", *fields]))


def _channels(files: GuestFiles, *, has_agent: bool) -> Iterator[str]:
    """A serial console for every machine, configured or not, so that ``console`` always shows something."""
    log = _escape(str(files.serial_log))
    yield from (
        "-chardev",
        f"socket,id=serial0,path={files.serial.name},server=on,wait=off,logfile={log},logappend=on",
    )
    yield from ("-device", "isa-serial,chardev=serial0")
    if has_agent:
        yield from ("-chardev", f"socket,id=qga0,path={files.agent.name},server=on,wait=off")
        yield from ("-device", "virtio-serial-pci,id=qga", "-device")
        yield "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"


def _controllers(order: StartOrder) -> Iterator[str]:
    slots = [_split(slot) for slot in [*(drive.slot for drive in order.drives), *_empty_trays(order)]]
    hardware = order.config.get("scsihw", "lsi")
    kind = _CONTROLLERS.get(hardware)
    numbers = sorted({_scsi_controller(hardware, number) for bus, number in slots if bus == "scsi"})
    if numbers and kind is None:
        raise LabError(f"unknown scsihw {hardware}", hint="use virtio-scsi-pci or virtio-scsi-single")
    for number in numbers:
        yield from ("-device", f"{kind},id=scsihw{number}")
    if any(bus == "sata" for bus, _ in slots):
        yield from ("-device", "ahci,id=ahci0")


def _scsi_controller(hardware: str, number: int) -> int:
    """Which controller a SCSI drive is on: Proxmox puts 7 on an LSI, 14 on virtio-scsi-pci, one on -single."""
    return {"virtio-scsi-single": number, "virtio-scsi-pci": number // 14}.get(hardware, number // 7)


def _empty_trays(order: StartOrder) -> list[str]:
    """CD drives without a CD: they must be there for one to be put in while the machine runs."""
    filled = {drive.slot for drive in order.drives}
    found = [slot for slot, text in order.config.items() if _SLOT.match(slot) and slot not in filled]
    return sorted(slot for slot in found if _parse_properties(order.config[slot]).get("media") == "cdrom")


def _drive(drive: DriveFile, config: Mapping[str, str], ranks: Mapping[str, int], *, is_q35: bool) -> Iterator[str]:
    options = drive.options
    # cache=unsafe: a guest's flush does not wait for the host's disk. What a killed QEMU wrote is safe in the
    # host's memory all the same; only a host that loses power loses it.
    back = f"if=none,id=drive-{drive.slot},file={_escape(str(drive.path))},format={drive.format},cache=unsafe"
    if drive.is_cdrom:
        back += ",media=cdrom,readonly=on"
    else:
        back += ",discard=unmap" if options.get("discard") == "on" else ""
        back += ",readonly=on" if options.get("ro", "0") in _ENABLED else ""
    yield from ("-drive", back, "-device")
    place = _place(drive.slot, config, is_cdrom=drive.is_cdrom, is_q35=is_q35)
    front = f"{place},drive=drive-{drive.slot},id={drive.slot}"
    if drive.slot in ranks:
        front += f",bootindex={ranks[drive.slot]}"
    if "serial" in options:
        front += f",serial={_escape(urllib.parse.unquote(options['serial']))}"
    if options.get("ssd", "0") in _ENABLED and not drive.is_cdrom:
        front += ",rotation_rate=1"
    yield front


def _place(slot: str, config: Mapping[str, str], *, is_cdrom: bool, is_q35: bool) -> str:
    """Device, bus and unit of a drive."""
    bus, number = _split(slot)
    kind = "cd" if is_cdrom else "hd"
    if bus == "virtio":
        return "virtio-blk-pci"
    if bus == "scsi":
        return f"scsi-{kind},{_place_scsi(config.get('scsihw', 'lsi'), number)}"
    if bus == "sata":
        return f"ide-{kind},bus=ahci0.{number}"
    return f"ide-{kind},bus=ide.{number}" if is_q35 else f"ide-{kind},bus=ide.{number // 2},unit={number % 2}"


def _place_scsi(hardware: str, number: int) -> str:
    controller = _scsi_controller(hardware, number)
    if hardware == "virtio-scsi-single":
        return f"bus=scsihw{controller}.0,channel=0,scsi-id=0,lun={number}"
    if hardware == "virtio-scsi-pci":
        return f"bus=scsihw{controller}.0,channel=0,scsi-id=0,lun={number % 14}"
    return f"bus=scsihw{controller}.0,scsi-id={number % 7}"


def _card(card: NetworkCard, vmid: int, ranks: Mapping[str, int]) -> Iterator[str]:
    device = _MODELS.get(card.model)
    if device is None:
        raise LabError(f"unknown network card {card.model}", where=f"net{card.index}")
    name = f"net{card.index}"
    rank = f",bootindex={ranks[name]}" if name in ranks else ""
    rom = ",romfile=" if device == "virtio-net-pci" else ""
    if card.bridge:
        yield from ("-netdev", f"tap,id={name},ifname={card.tap(vmid)},script=no,downscript=no")
    else:
        yield from ("-netdev", f"hubport,id={name},hubid={card.index}")
    yield from ("-device", f"{device},netdev={name},id={name},mac={card.mac}{rom}{rank}")


def _rank_boot(config: Mapping[str, str], drives: tuple[DriveFile, ...]) -> dict[str, int]:
    """bootindex by slot: ``boot: order=a;b``, else Proxmox's default of the first disk, then the first CD."""
    order = _parse_properties(config.get("boot", "")).get("order")
    if order is not None:
        names = [name for name in order.split(";") if name]
    else:
        disks = [drive.slot for drive in drives if not drive.is_cdrom]
        names = disks[:1] + [drive.slot for drive in drives if drive.is_cdrom][:1]
    return {name: 100 + index for index, name in enumerate(names)}


def _split(slot: str) -> tuple[str, int]:
    match = _SLOT.match(slot)
    if match is None:
        raise LabError(f"the lab has no drive {slot}", hint="use scsi, virtio, sata or ide")
    return match[1], int(match[2])


def _escape(text: str) -> str:
    """A comma in a value is doubled (qemu(1))."""
    return text.replace(",", ",,")
