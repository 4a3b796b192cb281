"""A booted machine replaced three times by apply: the same volume, the same file system, the same files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.drivers.booted_lab import open_booted_lab
from tests.guest_tree import script_listing, script_writing
from tests.lab_server import InjectedFault, LabServer
from tests.manifest import FileSystem, read_file_system
from tests.system.stranger_lab import DATA_VM, VM, with_policy

from homeprod.core.sizes import GiB, MiB
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.apply import apply_plan
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.image.cache import ensure_image
from homeprod.lab.lan.network import Lan
from homeprod.plan.change import Action
from homeprod.plan.config import Drive
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.image import image_volume
from homeprod.plan.plan import Plan
from homeprod.site.addresses import AddressPlan, Network
from homeprod.site.machine import DataDisk, DataVirtualMachine, Disk, Environment, Mount, SiteConfig, VirtualMachine
from homeprod.site.people import Person
from homeprod.site.place import Cluster, Datastore, Image
from homeprod.site.site import DeclaredMachine, Site

pytestmark = [pytest.mark.guest, pytest.mark.namespace, pytest.mark.soak, pytest.mark.timeout(3000)]

NODE, ADDRESS, DOCS = "pve", "192.0.2.21", "/srv/docs"


def make_site(key: str, extra: int) -> Site:
    """``extra`` is a further address, which cannot be changed in place."""
    local, disks = Datastore(name="local"), Datastore(name="local-lvm")
    network = Network(bridge="vmbr0", subnet="192.0.2.0/24", gateway=1, resolvers=(1,), domain="home.example")
    config = SiteConfig(
        id="b0075eed-0000-4000-8000-000000000000",
        name="booted",
        cluster=Cluster(endpoint="https://cluster.invalid:8006", node=NODE),
        addresses=AddressPlan(network=network, prefix=4001),
        iso=local,
    )
    lab = Environment(name="lab")
    docs = DataDisk(label="docs", size=64 * MiB, on=disks)
    vm = VirtualMachine(
        number=21,
        environment=lab,
        image=Image(release="debian-13", url="https://images.invalid/x.qcow2", checksum="0" * 64, on=local),
        boot=Disk(8 * GiB, on=disks),
        people=(Person(name="admin", keys=(key,)),),
        memory=1024 * MiB,
        mounts=(Mount(disk=docs, at=DOCS),),
        addresses=(extra,),
    )
    machines = {"files": vm, "files-data": DataVirtualMachine(number=21, environment=lab, disks=(docs,))}
    declared = {name: DeclaredMachine(name, machine, Path(f"{name}.py")) for name, machine in machines.items()}
    return with_policy(Site(Path("/nowhere"), config, declared), "allowed")


@dataclass
class Booted:
    """``disks`` is the file system as it was each time when no machine had it."""

    lab: LabServer
    cluster: ProxmoxHypervisor
    folder: Path
    disks: list[FileSystem] = field(default_factory=list)

    def plan(self, site: Site) -> tuple[Work, Plan]:
        actual = read_actual(self.cluster, site)
        work = Work(site, self.cluster, desire(site), actual, Manner(wait_limit=600))
        return work, diff(site, actual, lambda _: f"{len(self.disks):04x}")

    def apply(self, site: Site) -> Plan:
        work, plan = self.plan(site)
        outcome = apply_plan(work, plan, lambda _: None)
        assert (outcome.failed, outcome.unfinished) == ([], {})
        assert not self.plan(site)[1].changes
        return plan

    def note_disk(self, received: object) -> InjectedFault | None:
        """Between the old machine's end and the new one's creation nobody has the disk."""
        if getattr(received, "method", "") == "POST" and getattr(received, "path", "").endswith("/qemu"):
            store = self.lab.hypervisor
            found = store.machines.read(NODE, DATA_VM).document.current["scsi0"].partition(",")[0]
            self.disks.append(read_file_system(store.volumes.path(found)))
        return None

    def volume(self, vmid: int, slot: str) -> str:
        drive = self.cluster.read_machine(NODE, vmid).config[slot]
        assert isinstance(drive, Drive)
        return drive.volume

    def ssh(self, command: str) -> str:
        """A new machine has a new host key, which nobody has seen."""
        argv = ["ssh", "-F", "/dev/null", "-i", str(self.folder / "key"), "-o", "BatchMode=yes"]
        argv += ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        argv += ["-o", "ConnectTimeout=60", f"admin@{ADDRESS}", "sudo", "-n", "sh", "-eu"]
        done = subprocess.run(
            Lan(self.lab.spec, self.lab.folder).enter(argv),
            input=command, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def booted(tmp_path: Path) -> Iterator[Booted]:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", str(tmp_path / "key")],
        check=True, timeout=60,
    )  # fmt: skip
    site = make_site((tmp_path / "key.pub").read_text().strip(), 30)
    machine = site.machines["files"].machine
    assert isinstance(machine, VirtualMachine)
    seed = image_volume(site, machine.image)
    with open_booted_lab({seed: ensure_image("debian-13", lambda _: None)}) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            yield Booted(lab, cluster, tmp_path)


def test_three_replacements_leave_the_data_disk_as_it_was(booted: Booted) -> None:
    key = (booted.folder / "key.pub").read_text().strip()
    booted.apply(make_site(key, 30))
    volume = booted.volume(DATA_VM, "scsi0")
    booted.ssh(script_writing(DOCS))
    written = booted.ssh(script_listing(DOCS))
    assert written.split()[:2] == [DOCS, "docs"]
    assert written.count("deep/er/large") == 2
    booted.lab.on_call = booted.note_disk
    for extra in (31, 32, 33):
        (change,) = booted.apply(make_site(key, extra)).of(Action.REPLACE)
        assert change.why == "network cannot be changed in place"
        assert booted.ssh(script_listing(DOCS)) == written
        assert booted.volume(VM, "scsi1") == booted.volume(DATA_VM, "scsi0") == volume
    first, *others = booted.disks
    assert len(others) == 2
    assert first.is_clean
    assert {entry.path for entry in first.entries} >= {"/deep/er/large", "/a name"}
    assert others == [first, first]
