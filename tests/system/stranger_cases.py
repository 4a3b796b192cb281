"""What a stranger does to each managed attribute, and what the plan says then: a case or more for every row of the
table. ``{waits}`` in a line is ``after a cold start`` on a running machine and ``live`` on a stopped one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.system.stranger_lab import DATA_VM, NODE, SITE_ID, VM, StrangerLab

from homeprod.core.sizes import GiB
from homeprod.plan.config import Value

Hand = Callable[[StrangerLab], None]
_COLD = "{waits}"


@dataclass(frozen=True)
class Case:
    """``lines`` are all that the plan says, but for the state of the power. ``renews``: something is made anew, so
    that the configuration afterwards is not the one before."""

    rows: tuple[tuple[str, str], ...]
    hand: Hand
    lines: tuple[str, ...]
    renews: bool = False

    @property
    def name(self) -> str:
        return f"{' and '.join(' '.join(row) for row in self.rows)}: {self.lines[0]}"


def _set(vmid: int, delete: tuple[str, ...] = (), **config: Value) -> Hand:
    def hand(lab: StrangerLab) -> None:
        texts = {
            key: value.format(**lab.words()) if isinstance(value, str) else value for key, value in config.items()
        }
        lab.set(vmid, texts, delete)

    return hand


def _case(resource: str, row: str, *lines: str, delete: tuple[str, ...] = (), **config: Value) -> Case:
    vmid = DATA_VM if resource == "data-vm" else VM
    return Case(((resource, row),), _set(vmid, delete, **config), lines)


def _note(resource: str, row: str, line: str, old: str, new: str, *, renews: bool = False) -> Case:
    vmid = DATA_VM if resource == "data-vm" else VM
    return Case(((resource, row),), lambda lab: lab.edit_note(vmid, old, new), (line,), renews)


def _common(kind: str, name: str, words: str) -> tuple[Case, ...]:
    return (
        _case(kind, "name", f"name: other → {name}  live", name="other"),
        _case(kind, "name", f"name: – → {name}  live", delete=("name",)),
        _note(kind, "description", f"description: Mine. → {words}  live", words, "Mine."),
        _note(kind, "address", f"address: {kind}/x → {kind}/{name}  live", f": {kind}/{name}", f": {kind}/x"),
    )  # fmt: skip


def _drop_boot_disk(lab: StrangerLab, config: Mapping[str, Value] | None = None) -> None:
    was_running = lab.is_running
    if was_running:
        lab.power_off()
    lab.set(VM, delete=("scsi0",))
    lab.set(VM, delete=("unused0",))
    if config:
        lab.set(VM, config)
    if was_running:
        lab.wait(lab.cluster.start_machine(NODE, VM))


def _make_small_boot_disk(lab: StrangerLab) -> None:
    _drop_boot_disk(lab, {"scsi0": "local-hdd:1,backup=1"})
    lab.set(VM, {"boot": "order=scsi0;ide2"})


def _drop_data_disk(lab: StrangerLab) -> None:
    lab.set(VM, delete=("scsi1",))
    lab.restart()
    lab.set(DATA_VM, {"protection": False})
    lab.set(DATA_VM, delete=("scsi0",))
    lab.set(DATA_VM, {"protection": True}, delete=("unused0",))


def _make_small_data_disk(lab: StrangerLab) -> None:
    _drop_data_disk(lab)
    lab.set(DATA_VM, {"scsi0": "local-hdd:0.5,backup=0,serial=docs"})
    lab.set(VM, {"scsi1": f"{lab.drive(DATA_VM, 'scsi0').volume},backup=1,serial=docs"})


def _grow_behind_its_back(lab: StrangerLab) -> None:
    _make_small_data_disk(lab)
    lab.wait(lab.cluster.grow_disk(NODE, DATA_VM, "scsi0", GiB))


def _swap_cd(lab: StrangerLab) -> None:
    lab.wait(lab.cluster.upload(NODE, "local-hdd", "mine.iso", b"mine", content="iso"))
    lab.set(VM, {"ide2": "local-hdd:iso/mine.iso,media=cdrom"})


def _leave(name: str, content: str) -> Hand:
    def hand(lab: StrangerLab) -> None:
        file = f"homeprod-{SITE_ID[:8]}-{name}"
        lab.wait(lab.cluster.upload(NODE, "local-hdd", file, b"left", content=content))

    return hand


def _drop_volume(name: str) -> Hand:
    return lambda lab: lab.wait(lab.cluster.delete_volume(NODE, lab.words()[name]))


_NIC = "virtio={mac},bridge=vmbr0"
_OWNED = "{data},backup=0,serial=docs"
_DATA = "{data},backup=1,serial=docs"
CASES: tuple[Case, ...] = (
    *_common("vm", "files", "Keeps documents."),
    _case("vm", "tags", "tags: mine → {tag} web  live", tags="mine"),
    _case("vm", "tags", "tags: – → {tag} web  live", delete=("tags",)),
    _case("vm", "onboot", "onboot: 0 → 1  live", onboot=False),
    _case("vm", "onboot", "onboot: – → 1  live", delete=("onboot",)),
    _case("vm", "protection", "protection: 1 → 0  live", protection=True),
    _case("vm", "startup", "startup: order=9,up=30 → order=4  live", startup="order=9,up=30"),
    _case("vm", "startup", "startup: – → order=4  live", delete=("startup",)),
    _case("vm", "cores", "cores: 4 → 2  {waits}", cores=4),
    _case("vm", "cores", "cores: – → 2  {waits}", delete=("cores",)),
    _case("vm", "memory", "memory: 1024 MiB → 512 MiB  {waits}", memory=1024),
    _case("vm", "memory", "memory: – → 512 MiB  {waits}", delete=("memory",)),
    _case("vm", "agent", "agent: 0 → 1  {waits}", agent="0"),
    _case("vm", "agent", "agent: – → 1  {waits}", delete=("agent",)),
    _case("vm", "ostype", "ostype: other → l26  {waits}", ostype="other"),
    _case("vm", "ostype", "ostype: – → l26  {waits}", delete=("ostype",)),
    _case("vm", "scsihw", "scsihw: lsi → virtio-scsi-pci  {waits}", scsihw="lsi"),
    _case("vm", "scsihw", "scsihw: – → virtio-scsi-pci  {waits}", delete=("scsihw",)),
    _case("vm", "serial0", "serial0: – → socket  {waits}", delete=("serial0",)),
    _case("vm", "boot", "boot: order=net0 → order=scsi0;ide2  {waits}", boot="order=net0"),
    _case("vm", "boot", "boot: – → order=scsi0;ide2  {waits}", delete=("boot",)),
    _case("vm", "net0", f"net0: virtio=02:00:00:00:00:99,bridge=vmbr0 → {_NIC}  live",
          net0="virtio=02:00:00:00:00:99,bridge=vmbr0"),
    _case("vm", "net0", f"net0: – → {_NIC}  live", delete=("net0",)),
    _case("vm", "net0 bridge", f"net0: {_NIC},tag=9 → {_NIC}  live", net0=f"{_NIC},tag=9"),
    _case("vm", "net0 bridge", f"net0: {_NIC},link_down=1 → {_NIC}  live", net0=f"{_NIC},link_down=1"),
    Case((("vm", "disk"),), _drop_boot_disk,
         ("boot: order=ide2 → order=scsi0;ide2  {waits}",
          "scsi0: – → local-hdd:0,backup=1,import-from={image}  live"),
         renews=True),
    Case((("vm", "disk size"),), _make_small_boot_disk,
         ("scsi0 size: 1 GiB → 2 GiB  live",)),
    _case("vm", "disk backup", "scsi0: {boot},backup=0,size=2G → {boot},backup=1,size=2G  live",
          scsi0="{boot},backup=0"),
    _case("vm", "data disk", f"scsi1: – → {_DATA}  live", delete=("scsi1",)),
    _case("vm", "data disk backup", "scsi1: {data},backup=0,serial=docs,size=1G → " + f"{_DATA},size=1G  live",
          scsi1="{data},backup=0,serial=docs"),
    _case("vm", "data disk serial", "scsi1: {data},backup=1,size=1G → " + f"{_DATA},size=1G  {_COLD}",
          scsi1="{data},backup=1"),
    Case((("vm", "data disk size"), ("data-vm", "disk size")), _make_small_data_disk,
         ("scsi1 size: 0.5 GiB → 1 GiB  live", "scsi0 size: 0.5 GiB → 1 GiB  live")),
    Case((("vm", "data disk grown before"),), _grow_behind_its_back, ("scsi1 size: 0.5 GiB → 1 GiB  {waits}",)),
    Case((("vm", "cloud-init"),), _swap_cd, ("cloud-init: local-hdd:iso/mine.iso → {iso}  on re-creation",)),
    _case("vm", "cloud-init drive", "boot: order=scsi0 → order=scsi0;ide2  {waits}",
          "ide2: – → {iso},media=cdrom  {waits}", delete=("ide2",)),
    _note("vm", "image", "image: x → {file}  by replacement", "homeprod-image: homeprod", "homeprod-image: x\nwas",
          renews=True),
    _note("vm", "network", "network: dhcp → 192.0.2.21  by replacement", "network: 192.0.2.21", "network: dhcp",
          renews=True),
    _note("vm", "disks", "disks: – → 94001021/docs@/srv/docs  by replacement", "homeprod-disks", "was-disks",
          renews=True),
    *_common("data-vm", "files-data", "Owns documents."),
    _case("data-vm", "tags", "tags: mine → data {tag}  live", tags="mine"),
    _case("data-vm", "onboot", "onboot: 1 → 0  live", onboot=True),
    _case("data-vm", "protection", "protection: 0 → 1  live", protection=False),
    _case("data-vm", "protection", "protection: – → 1  live", delete=("protection",)),
    Case((("data-vm", "disk"),), _drop_data_disk,
         ("scsi1: – → disk docs of 94001021  live", "scsi0: – → local-hdd:1,backup=0,serial=docs  live")),
    _case("data-vm", "disk backup", "scsi0: {data},backup=1,serial=docs,size=1G → " + f"{_OWNED},size=1G  live",
          scsi0="{data},backup=1,serial=docs"),
    Case((("image", "file"),), _drop_volume("image"), ("create {image}",)),
    Case((("image", "leftover"),), _leave("old-0123456789ab.raw", "import"),
         (f"delete homeprod-{SITE_ID[:8]}-old-0123456789ab.raw",)),
    Case((("iso", "file"),), _drop_volume("iso"), ("cloud-init: – → {iso}  live",)),
    Case((("iso", "leftover"),), _leave("gone-0123456789ab.iso", "iso"),
         (f"delete homeprod-{SITE_ID[:8]}-gone-0123456789ab.iso",)),
)  # fmt: skip
