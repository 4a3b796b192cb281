"""The site cut down to its stand-ins: the same definition, and nothing that may be the real one's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.rehearsal.home import EXAMPLES

from homeprod.core.errors import PromotionError
from homeprod.core.sizes import GiB, MiB
from homeprod.plan.desired import desire
from homeprod.rehearsal.lab import describe_stand_in_lab
from homeprod.rehearsal.need import check_room, weigh
from homeprod.rehearsal.standin import Belongings, make_stand_in_site, name_person
from homeprod.site.adopted import AdoptedDataVirtualMachine
from homeprod.site.loader import load_site
from homeprod.site.machine import DataDisk, DataVirtualMachine, VirtualMachine
from homeprod.site.rendered.settings import render_settings
from homeprod.site.site import Site
from homeprod.wiring.rehearsal import describe_lab

PEGASUS = load_site(EXAMPLES / "pegasus")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yT3BzMTExMTEx rehearsal"
BELONGINGS = Belongings(Path("/nowhere"), KEY, "10.111.1.1", "ssh-ed25519 AAAA")


def stand_in(*names: str, site: Site = PEGASUS) -> Site:
    return make_stand_in_site(site, names, "lab-ansible", BELONGINGS)


def test_only_what_is_rehearsed_is_there_with_its_data_machines_and_its_control_node() -> None:
    site = stand_in("prod-proxy")
    assert list(site.machines) == ["lab-ansible", "lab-ansible-data", "prod-proxy"]
    assert weigh(site).machines == 2
    assert weigh(site).memory == 1024 * MiB + 512 * MiB + 2 * 256 * MiB


def test_machines_are_as_they_are_defined_but_for_their_identity() -> None:
    real, site = desire(PEGASUS), desire(stand_in("prod-proxy"))
    for address, machine in site.items():
        same = real[address]
        assert (machine.vmid, machine.node) == (same.vmid, same.node)
        assert {**machine.forces, "image": ""} == {**same.forces, "image": ""}
        assert [one.size for one in machine.disks.values()] == [one.size for one in same.disks.values()]
        assert [one.size for one in machine.attached] == [one.size for one in same.attached]
        assert machine.config.get("memory") == same.config.get("memory")
        assert machine.config["tags"] != same.config["tags"], "the mark of another site"
    assert stand_in("prod-proxy").config.id == stand_in("prod-proxy-passthrough").config.id != PEGASUS.config.id


def test_the_control_node_listens_to_the_rehearsals_person_alone() -> None:
    site = stand_in("prod-proxy")
    settings = json.loads(render_settings(site, "lab-ansible"))
    key = " ".join(KEY.split()[:2])
    for name in ("administrator_keys", "ringers", "signers"):
        assert settings[name] == [{"key": key, "person": "rehearsal"}]
    assert settings["playbooks"] == "ssh://git@10.111.1.1/playbooks.git"
    assert settings["vault"] == "ssh://git@10.111.1.1/vault.git"
    assert settings["git_host_keys"] == ["10.111.1.1 ssh-ed25519 AAAA"]
    assert settings["site_id"] == site.config.id
    lab, prod = settings["environments"]
    assert (lab["upkeep"], lab["branch"], prod["branch"]) == (None, "lab", "prod")
    assert prod["upkeep"] == {"every": 7 * 24 * 60, "policy": "report"}, "it is asked by us, and changes nothing"


def test_nothing_waits_for_another_environment_and_nobody_real_is_let_in_as_control_user() -> None:
    site = stand_in("prod-proxy")
    assert all(one.machine.environment.after is None for one in site.machines.values())
    assert dict(site.control_keys) == {}
    for name in ("prod-proxy", "lab-ansible"):
        machine = site.machines[name].machine
        assert isinstance(machine, VirtualMachine)
        assert machine.people[:-1] == PEGASUS.machines[name].machine.people  # type: ignore[attr-defined]
        assert machine.people[-1].name == "rehearsal"


def test_one_that_is_declared_stopped_is_started_here() -> None:
    declared = PEGASUS.machines["prod-ansible"].machine
    assert isinstance(declared, VirtualMachine)
    assert not declared.started
    machine = make_stand_in_site(PEGASUS, (), "prod-ansible", BELONGINGS).machines["prod-ansible"].machine
    assert isinstance(machine, VirtualMachine)
    assert machine.started


def test_a_data_machine_that_was_adopted_is_made_new_with_empty_disks(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    for file in (EXAMPLES / "pegasus" / "modules").glob("*.py"):
        (tmp_path / "modules" / file.name).write_text(file.read_text())
    (tmp_path / "modules" / "lab_ansible_data_vm.py").write_text(
        "from homeprod import AdoptedDataVirtualMachine, DataDisk, GiB\n"
        "from modules._config import hdd, lab\n"
        'ssh_keys = DataDisk(label="ssh_keys", size=1 * GiB, on=hdd, volume="local-hdd:vm-950000-disk-0")\n'
        "vm = AdoptedDataVirtualMachine(vmid=950000, environment=lab, disks=(ssh_keys,))\n"
    )
    site = load_site(tmp_path)
    assert isinstance(site.machines["lab-ansible-data"].machine, AdoptedDataVirtualMachine)
    made = stand_in("prod-proxy", site=site)
    machine = made.machines["lab-ansible-data"].machine
    assert type(machine) is DataVirtualMachine
    [disk] = machine.disks
    assert isinstance(disk, DataDisk)
    assert (disk.volume, disk.size, made.vmid(machine)) == ("", 1 * GiB, 950000)
    [attached] = desire(made)[made.machines["lab-ansible"].address].attached
    assert (attached.owner, attached.volume) == (950000, "")


def test_a_person_has_a_name_that_nobody_of_the_site_has() -> None:
    assert name_person(PEGASUS) == "rehearsal"
    taken = stand_in("prod-proxy")
    assert name_person(taken) == "rehearsal-2"


def test_the_lab_knows_the_whole_home() -> None:
    spec = describe_stand_in_lab(PEGASUS, stand_in("prod-proxy"), "rehearsal-x", boots=False)
    assert spec.hosts == describe_lab(PEGASUS, "x").hosts
    images = {drive.import_from for one in desire(stand_in("prod-proxy")).values() for drive in one.disks.values()}
    assert images - {None} <= {seed.volume for seed in spec.seeds}, "no image would be downloaded"
    assert set(spec.people) == {"prod-proxy", "lab-ansible"}
    assert not spec.boot


def test_too_little_memory_is_said_before_anything_is_begun() -> None:
    need = weigh(stand_in("prod-proxy", "prod-proxy-passthrough"))
    check_room(need, need.memory, "REV")
    with pytest.raises(
        PromotionError, match=r"3 machines take 2816 MiB of memory, and 1000 MiB are available"
    ) as caught:
        check_room(need, 1000 * MiB, "abc")
    assert "homeprod rehearse abc NAME" in caught.value.hint
