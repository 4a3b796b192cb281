"""The lab that the benchmarks ask, in a process of its own.

A lab of ten thousand machines would take long to make by calls: one machine of each kind is made by an apply, the
others are copies of its files with their own numbers. That the plan of such a lab is empty proves the copies.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from bench.setting.site import FIRST, FIRST_DATA, STORE, make_site
from tests.lab_server import LabServer

from homeprod.core.ids import choose_mac
from homeprod.core.sizes import GiB
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.apply import apply_plan
from homeprod.engine.lease.take import hold_lease
from homeprod.engine.lease.watch import Terms
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.ports import StartOrder
from homeprod.lab.spec import LabSpec, SeedSpec, StorageSpec
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.guest import desire_iso
from homeprod.plan.image import desire_images
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

NONCE = "bench"
SPEC = LabSpec("bench", boot=False, storages=(StorageSpec(STORE.name, size=1024 * 1024 * GiB),), memory=2**50)


@dataclasses.dataclass
class Server:
    """``env`` leads to it. ``busy`` are the seconds during which its storage was locked, known when it has ended."""

    env: dict[str, str]
    busy: float = 0


@contextmanager
def run_server(spec: LabSpec, size: int) -> Iterator[Server]:
    """A no-boot lab with so many machines of the site of that size."""
    command = [sys.executable, "-m", "bench.setting.server", str(size)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(dataclasses.asdict(spec)) + "\n")
        server.stdin.flush()
        running = Server(json.loads(server.stdout.readline()))
        try:
            yield running
        finally:
            rest, _ = server.communicate()
            running.busy = float(rest or 0)


def main() -> None:
    spec, size = LabSpec.from_json(json.loads(sys.stdin.readline())), int(sys.argv[1])
    site = make_site(max(size, 10))
    seeds = tuple(SeedSpec(image.volume, "debian-13") for image in desire_images(site))
    with LabServer(dataclasses.replace(spec, seeds=seeds)) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        if size:
            with closing(open_hypervisor(resolve_settings(env))) as cluster:
                make_machines(cluster, _choose_kinds(site))
            lab.do(lambda hypervisor: _copy_all(hypervisor, site))
        lab.forget_calls()
        lab.do(lambda hypervisor: hypervisor.storage_busy.clear())
        print(json.dumps(env), flush=True)
        sys.stdin.read()
        print(lab.do(lambda hypervisor: sum(hypervisor.storage_busy.values())))


def _choose_kinds(site: Site) -> Site:
    """A machine of each kind: a data VM, the one that uses its disk, one without."""
    names = (f"d{FIRST_DATA}", f"m{FIRST}", max(site.machines))
    return dataclasses.replace(site, machines={name: site.machines[name] for name in names})


def make_machines(cluster: ProxmoxHypervisor, site: Site, manner: Manner | None = None) -> int:
    """Apply the site with its lease held, as a person's apply does; how many changes that were. Raises the first
    error that there was."""
    with hold_lease(cluster, site.config.id, Terms(), lambda _: None) as lease:
        actual = read_actual(cluster, site)
        plan = diff(site, actual, lambda _: NONCE)
        work = Work(site, lease.hypervisor, desire(site), actual, manner or Manner(waits=False))
        outcome = apply_plan(work, plan, lambda _: None)
    if outcome.failed:
        raise outcome.failed[0][1]
    return len(outcome.done)


def _copy_all(hypervisor: Hypervisor, site: Site) -> None:
    kinds = [Model.read(hypervisor, _read_tokens(site, name)) for name in _choose_kinds(site).machines]
    data, user, plain = kinds
    for name, declared in site.machines.items():
        own, machine = _read_tokens(site, name), declared.machine
        if any(kind.tokens["vmid"] == own["vmid"] for kind in kinds):
            continue
        is_plain = isinstance(machine, VirtualMachine) and not machine.mounts
        _copy(hypervisor, plain if is_plain else user if isinstance(machine, VirtualMachine) else data, own)


@dataclasses.dataclass(frozen=True)
class Model:
    """A machine that the API made: ``tokens`` are those of its file that are its own."""

    tokens: Mapping[str, str]
    node: str
    text: str
    volumes: Mapping[str, int]
    is_running: bool

    @classmethod
    def read(cls, hypervisor: Hypervisor, tokens: Mapping[str, str]) -> Model:
        vmid = int(tokens["vmid"])
        machine = hypervisor.machines.find(vmid)
        assert machine is not None
        file = hypervisor.state / "nodes" / machine.node / "qemu-server" / f"{vmid}.conf"
        volumes = {record.volume: record.size for record in hypervisor.catalog.owned_by(vmid)}
        return cls(tokens, machine.node, file.read_text(), volumes, hypervisor.is_running(vmid))

    def substitute(self, text: str, own: Mapping[str, str]) -> str:
        """The ISO's name first: it holds the others."""
        for token in ("iso", "mac", "address", "owner", "vmid"):
            if token in own:
                text = text.replace(self.tokens[token], own[token])
        return text


def _read_tokens(site: Site, name: str) -> dict[str, str]:
    """What tells one machine from another in its file. A machine and its data VM have the same number behind."""
    machine = site.machines[name].machine
    vmid = site.vmid(machine)
    tokens = {"vmid": str(vmid), "owner": str(FIRST_DATA + vmid % FIRST), "mac": choose_mac(site.config.id, vmid)}
    if isinstance(machine, VirtualMachine):
        iso = desire_iso(site, name, machine, NONCE)
        tokens |= {"address": str(site.config.addresses.network.address(machine.number)), "iso": iso.file}
    return tokens


def _copy(hypervisor: Hypervisor, model: Model, own: Mapping[str, str]) -> None:
    vmid = int(own["vmid"])
    hypervisor.machines.write_text(vmid, model.node, model.substitute(model.text, own))
    for volume, size in model.volumes.items():
        _copy_volume(hypervisor, model.substitute(volume, own), size, vmid)
    if "iso" in own:
        _copy_volume(hypervisor, f"{STORE.name}:iso/{own['iso']}", 0, None)
    if model.is_running:
        _start(hypervisor, vmid)


def _copy_volume(hypervisor: Hypervisor, volume: str, size: int, owner: int | None) -> None:
    file = hypervisor.volumes.path(volume)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    hypervisor.catalog.add(volume, size, owner=owner)


def _start(hypervisor: Hypervisor, vmid: int) -> None:
    machine = hypervisor.machines.find(vmid)
    assert machine is not None
    order = StartOrder(vmid, f"m{vmid}", dict(machine.document.current), ())
    coroutine = hypervisor.runner.start(order)
    try:
        coroutine.send(None)  # a lab that boots nothing has nothing to wait for
    except StopIteration:
        return
    raise RuntimeError("the runner waits for something")


if __name__ == "__main__":
    main()
