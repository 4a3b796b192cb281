"""Whatever a site declares: a plan after its apply is empty, also where another site was there before, and nothing
was touched that does not differ.

``HOMEPROD_SITES`` says how many pairs of sites are tried (50; `make soak` tries 500).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.drivers.imageserver import ImageServer
from tests.lab_server import LabServer
from tests.system.generated_sites import NUMBERS, sites

from homeprod.core.errors import HomeprodError
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.apply import Outcome, apply_plan
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.lab.spec import LabSpec, StorageSpec
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.plan.leftover import read_machine_name
from homeprod.plan.order import order_changes
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

STORAGES = (StorageSpec("local-nvme", "lvmthin", ("images",)), StorageSpec("local-hdd"))
MANNER = Manner(waits=False, pause=0.01, shutdown_limit=5)
COUNT = int(os.environ.get("HOMEPROD_SITES", "50"))


def _plan(site: Site, cluster: ProxmoxHypervisor) -> Plan:
    return diff(site, read_actual(cluster, site), lambda address: f"nonce-{address.name}")


def _apply(site: Site, cluster: ProxmoxHypervisor) -> Outcome:
    actual = read_actual(cluster, site)
    plan = diff(site, actual, lambda address: f"nonce-{address.name}")
    return apply_plan(Work(site, cluster, desire(site), actual, MANNER), plan, lambda _: None)


def _list_untouched(cluster: ProxmoxHypervisor, plan: Plan) -> dict[int, str]:
    """Digests of the machines that the plan has no change for."""
    changed = {change.vmid for change in plan.changes}
    there = [machine.vmid for machine in cluster.read_resources().machines if machine.vmid not in changed]
    return {vmid: cluster.read_digest("pve", vmid) for vmid in there}


def _list_files(cluster: ProxmoxHypervisor) -> set[str]:
    return {volume.id for volume in cluster.read_content("pve", "local-hdd") if not volume.owner}


def _check_touched(lab: LabServer, plan: Plan, moved: set[str], names: set[str]) -> None:
    """What was written names only machines and files that the plan had a change for. ``moved`` are files that came or
    went, ``names`` those of changed machines, which their ISOs have."""
    vmids = {str(change.vmid) for change in plan.changes if change.vmid}
    machines = [call for call in lab.written() if "/qemu" in call.path]
    assert {str(call.params.get("vmid") or call.path.split("/")[4]) for call in machines} <= vmids
    files = {change.volume for change in plan.changes}
    assert [file for file in moved - files if read_machine_name(file.rpartition("/")[2]) not in names] == []
    uploads = [call for call in lab.written() if call.path.endswith("/upload")]
    assert len(uploads) <= len(names)


def _stop(cluster: ProxmoxHypervisor, numbers: frozenset[int]) -> None:
    """As a person would, between the two applies."""
    for machine in cluster.read_resources().machines:
        if machine.status == "running" and machine.vmid - 4001000 in numbers:
            cluster.wait(cluster.stop_machine("pve", machine.vmid))


def _data_volumes(cluster: ProxmoxHypervisor) -> set[str]:
    """The volumes of all data VMs, whose VMIDs begin with a 9."""
    return {volume.id for volume in cluster.read_content("pve", "local-hdd") if str(volume.owner).startswith("9")}


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


def _is_possible(site: Site, cluster: ProxmoxHypervisor) -> bool:
    """Two machines that swap their data disks wait for each other, which is refused before anything is touched."""
    actual = read_actual(cluster, site)
    try:
        order_changes(_plan(site, cluster), desire(site), actual)
    except HomeprodError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(3000)
@settings(max_examples=COUNT, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_plan_after_an_apply_is_empty(server: ImageServer, data: st.DataObject) -> None:
    first, second = data.draw(sites(server)), data.draw(sites(server))
    stopped = data.draw(st.frozensets(st.sampled_from(NUMBERS), max_size=2))
    with LabServer(LabSpec("drawn", boot=False, storages=STORAGES)) as lab:
        env = {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": lab.token, "HOMEPROD_CA_FILE": str(lab.ca_file)}
        with closing(open_hypervisor(resolve_settings(env))) as cluster:
            cluster.wait(cluster.create_machine("pve", 4001020, {"name": "stranger", "description": "mine"}))
            stranger = cluster.read_machine("pve", 4001020)
            assert not _apply(first, cluster).failed
            assert _plan(first, cluster).changes == ()
            volumes = _data_volumes(cluster)
            assert len(volumes) == sum(len(machine.disks) for machine in desire(first).values() if not machine.forces)

            _stop(cluster, stopped)
            assume(_is_possible(second, cluster))
            plan = _plan(second, cluster)
            untouched = _list_untouched(cluster, plan)
            files, before = _list_files(cluster), {m.vmid: m.name for m in cluster.read_resources().machines}
            names = {before.get(change.vmid, "") for change in plan.changes if change.vmid}
            names |= {change.address.name for change in plan.changes if change.vmid}
            lab.forget_calls()
            assert not _apply(second, cluster).failed
            _check_touched(lab, plan, files ^ _list_files(cluster), names)
            assert {vmid: cluster.read_digest("pve", vmid) for vmid in untouched} == untouched
            assert _plan(second, cluster).changes == ()
            assert volumes <= _data_volumes(cluster)
            assert cluster.read_machine("pve", 4001020) == stranger
