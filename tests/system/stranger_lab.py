"""A small site on a lab that boots nothing, and a stranger's hand in it: straight to Proxmox's API, past homeprod."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.drivers.imageserver import ImageServer
from tests.lab_server import LabServer

from homeprod.core.sizes import GiB, MiB
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.apply import Outcome, apply_plan
from homeprod.engine.event import Listener
from homeprod.engine.ports import Task
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.plan.config import Config, Drive, Nic, Value
from homeprod.plan.desired import desire
from homeprod.plan.diff import Wish, diff
from homeprod.plan.mark import site_tag
from homeprod.plan.plan import Plan
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.machine import (
    ColdStarts,
    DataDisk,
    DataVirtualMachine,
    Disk,
    Environment,
    Machine,
    Mount,
    SiteConfig,
    VirtualMachine,
)
from homeprod.site.people import Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

NODE, VM, DATA_VM = "pve", 4001021, 94001021
SITE_ID = str(uuid.UUID(int=0xD1F7 << 112))
STORAGES = (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd"))
MANNER = Manner(waits=False, pause=0.01, shutdown_limit=5)
HDD = Datastore(name="local-hdd")


def make_site(server: ImageServer, *, disk_size: int = GiB, at: str = "/srv/docs", **changes: object) -> Site:
    """``files`` with its data disk on ``files-data``; ``changes`` are other values of the first."""
    network = Network(bridge="vmbr0", subnet="192.0.2.0/24", gateway=1, resolvers=(1,), domain="home.example")
    config = SiteConfig(
        id=SITE_ID,
        name="drift",
        cluster=Cluster(endpoint="https://cluster.invalid:8006", node=NODE),
        addresses=AddressPlan(network=network, prefix=4001),
        iso=HDD,
    )
    lab = Environment(name="lab")
    docs = DataDisk(label="docs", size=disk_size, on=HDD)
    vm = VirtualMachine(
        number=21,
        environment=lab,
        image=Image(release="debian-13", url=server.url, checksum=server.sha256, on=HDD),
        boot=Disk(2 * GiB, on=HDD),
        people=(Person(name="ann", keys=("ssh-ed25519 AAAAC3Nzaann ann",)),),
        cores=2,
        memory=512 * MiB,
        mounts=(Mount(disk=docs, at=at),),
        start="internal",
        tags=frozenset({"web"}),
        note="Keeps documents.",
    )
    vm = VirtualMachine(**{**{name: getattr(vm, name) for name in VirtualMachine.model_fields}, **changes})
    data = DataVirtualMachine(
        number=21, environment=lab, disks=(docs,), tags=frozenset({"data"}), note="Owns documents."
    )
    return make_site_of(config, {"files": vm, "files-data": data})


def make_site_of(config: SiteConfig, machines: Mapping[str, Machine]) -> Site:
    declared = {name: DeclaredMachine(name, machine, Path(f"{name}.py")) for name, machine in machines.items()}
    return Site(Path("/nowhere"), config, declared)


def with_policy(site: Site, policy: ColdStarts) -> Site:
    return replace(site, config=site.config.model_copy(update={"cold_starts": policy}))


@dataclass
class StrangerLab:
    """``plan`` and ``apply`` as homeprod does them; the rest is the stranger."""

    server: ImageServer
    site: Site
    lab: LabServer
    cluster: ProxmoxHypervisor
    nonce: int = 0

    def plan(self, policy: ColdStarts = "never", site: Site | None = None) -> Plan:
        return self._work(policy, site)[1]

    def apply(self, policy: ColdStarts = "never", site: Site | None = None, manner: Manner = MANNER) -> Outcome:
        outcome = self.try_apply(policy, site, manner)
        assert not outcome.failed, outcome.failed
        return outcome

    def try_apply(
        self,
        policy: ColdStarts = "never",
        site: Site | None = None,
        manner: Manner = MANNER,
        begin: Callable[[Work], None] = lambda _: None,
        listen: Listener = lambda _: None,
    ) -> Outcome:
        """``begin`` is called between the plan and its first write."""
        work, plan = self._work(policy, site, manner)
        begin(work)
        return apply_plan(work, plan, listen)

    def _work(self, policy: ColdStarts, site: Site | None, manner: Manner = MANNER) -> tuple[Work, Plan]:
        self.nonce += 1
        chosen = with_policy(site or self.site, policy)
        actual = read_actual(self.cluster, chosen)
        plan = diff(chosen, actual, lambda _: f"{self.nonce:04x}", Wish(starts=True))
        return Work(chosen, self.cluster, desire(chosen), actual, manner), plan

    def settle(self) -> None:
        """As the site says, whatever a test before left."""
        while self.plan("allowed").changes:
            self.apply("allowed")

    def read(self, vmid: int) -> Config:
        return self.cluster.read_machine(NODE, vmid).config

    def drive(self, vmid: int, slot: str) -> Drive:
        drive = self.read(vmid)[slot]
        assert isinstance(drive, Drive)
        return drive

    def mac(self) -> str:
        nic = self.read(VM)["net0"]
        assert isinstance(nic, Nic)
        return str(nic.mac)

    @property
    def is_running(self) -> bool:
        return self.cluster.read_status(NODE, VM) == "running"

    def set(self, vmid: int, config: Mapping[str, Value] | None = None, delete: tuple[str, ...] = ()) -> None:
        self.wait(self.cluster.change_machine(NODE, vmid, config or {}, delete=delete))

    def wait(self, task: Task | None) -> None:
        if task is not None:
            self.cluster.wait(task)

    def power_off(self) -> None:
        self.wait(self.cluster.stop_machine(NODE, VM))

    def restart(self) -> None:
        """So that what the stranger wrote is in force."""
        if self.is_running and self.cluster.read_machine(NODE, VM).pending:
            self.power_off()
            self.wait(self.cluster.start_machine(NODE, VM))

    def edit_note(self, vmid: int, old: str, new: str) -> None:
        note = str(self.read(vmid)["description"])
        assert old in note
        self.set(vmid, {"description": note.replace(old, new)})

    def words(self) -> dict[str, str]:
        """What the lines of a plan name."""
        iso, boot, data = (
            self.drive(VM, "ide2").volume,
            self.drive(VM, "scsi0").volume,
            self.drive(VM, "scsi1").volume,
        )
        image = next(iter(desire(self.site).values())).disks["scsi0"].import_from
        tag = site_tag(SITE_ID)
        file = str(image).rpartition("/")[2]
        return {
            "iso": iso,
            "boot": boot,
            "data": data,
            "mac": self.mac(),
            "image": str(image),
            "file": file,
            "tag": tag,
        }


@contextmanager
def open_stranger_lab() -> Iterator[StrangerLab]:
    with ImageServer() as server, LabServer(LabSpec("drift", boot=False, storages=STORAGES)) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            yield StrangerLab(server, make_site(server), lab, cluster)
