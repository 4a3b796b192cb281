"""destroy where a name could mean two machines, or more goes with the machine than the site made."""

from __future__ import annotations

from tests.system.site_lab import NODE, SiteLab

from homeprod.core.sizes import GiB
from homeprod.plan.config import NewDrive

CODER, KEYS = 4001021, 94001022


def _take_the_name(site_lab: SiteLab) -> None:
    """prod-ansible's data VM is renamed to lab-ansible-data, whose module left the site before."""
    modules = site_lab.root / "modules"
    (modules / "lab_ansible_vm.py").unlink()
    (modules / "prod_ansible_data_vm.py").rename(modules / "lab_ansible_data_vm.py")
    site_lab.edit("prod_ansible_vm", "prod_ansible_data_vm", "lab_ansible_data_vm")
    assert site_lab.apply() == 0
    assert site_lab.run("destroy", "prod-ansible", "--yes")[0] == 0


def test_a_name_that_means_two_data_vms_destroys_neither(site_lab: SiteLab) -> None:
    site_lab.apply()
    _take_the_name(site_lab)
    code, _, said = site_lab.run("destroy", "--data", "lab-ansible-data", "--confirm", "lab-ansible-data")
    assert code == 64
    assert "lab-ansible-data could be VMID 94000001 or 94001022" in said
    assert "homeprod destroy --data 94001022" in said
    notices = [notice["message"] for notice in site_lab.plan()["notices"]]
    assert any("until `homeprod destroy --data 94001022`" in notice for notice in notices)
    code, out, _ = site_lab.run("destroy", "--data", "94000001", "--confirm", "94000001")
    assert code == 0
    assert "94001022" not in out
    with site_lab.driver() as cluster:
        assert {KEYS} == {machine.vmid for machine in cluster.read_resources().machines if machine.vmid > 90_000_000
                          and machine.name == "lab-ansible-data"}  # fmt: skip


def test_disks_that_somebody_added_are_named_before_they_are_lost(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    with site_lab.driver() as cluster:
        task = cluster.change_machine(NODE, CODER, {"scsi5": NewDrive("local-hdd", GiB)})
        if task is not None:
            cluster.wait(task)
    code, out, _ = site_lab.run("destroy", "lab-coder")
    assert code == 1
    assert "scsi0: local-nvme:vm-4001021-disk-0, 32 GiB and everything on it is lost for good" in out
    assert "scsi5: " in out
    assert site_lab.run("destroy", "lab-coder", "--yes")[0] == 0


def test_what_the_site_protects_is_not_destroyed_though_proxmox_does_not_know_yet(site_lab: SiteLab) -> None:
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("lab_coder_vm", "number=21,", "number=21, protected=True,")
    code, _, said = site_lab.run("destroy", "lab-coder", "--yes")
    assert code == 1
    assert "is protected; nothing was done" in said
