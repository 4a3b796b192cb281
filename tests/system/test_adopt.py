"""adopt: a machine that was there before the site becomes its own by marks alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.adopting import TAG, adopt, open_empty_site, written
from tests.system.foreign_machines import KEY, NOTE, PASSWORD, ForeignHand
from tests.system.site_lab import NODE, SiteLab

from homeprod.lab.api.server import Received
from homeprod.lab.machine.document import print_document
from homeprod.site.loader import load_site
from homeprod.wiring.rehearsal import describe_lab

WEB = 5000


@pytest.fixture
def site_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    with open_empty_site(tmp_path, monkeypatch, capsys) as lab:
        yield lab


@pytest.fixture
def hand(site_lab: SiteLab) -> ForeignHand:
    return ForeignHand(site_lab.lab)


def _prove(site_lab: SiteLab, hand: ForeignHand, vmids: tuple[int, ...], names: tuple[str, ...]) -> None:
    """The plan shows marks only, apply sets just them, no power call is sent, and the plan after it is empty."""
    before = {vmid: (hand.config(vmid), hand.status(vmid)) for vmid in vmids}
    plan = site_lab.plan()
    assert plan["conflicts"] == []
    assert [(c["action"], c["address"]) for c in plan["changes"]] == [("adopt", name) for name in names]
    for change in plan["changes"]:
        assert [(d["attribute"], d["effect"]) for d in change["differences"]] == [("mark", "live"), ("tags", "live")]
    site_lab.lab.forget_calls()
    assert site_lab.run("apply", "--yes")[0] == 0
    sent = [(call.method, call.path.rpartition("/")[2]) for call in written(site_lab)]
    assert sent == [("POST", "config")] * len(vmids)
    assert all("digest" in call.params for call in written(site_lab))
    for vmid, (config, status) in before.items():
        now = hand.config(vmid)
        own = {"description", "tags"}
        assert {k: v for k, v in now.items() if k not in own} == {k: v for k, v in config.items() if k not in own}
        assert now["description"].startswith(config.get("description", ""))
        assert set(now["tags"].split(";")) == {TAG, *filter(None, config.get("tags", "").split(";"))}
        assert hand.status(vmid) == status
    assert site_lab.actions() == []
    assert site_lab.run("plan")[0] == 0


def test_a_machine_made_by_terraform(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.terraform(WEB)
    site_lab.lab.forget_calls()
    said = adopt(site_lab, WEB)
    assert not written(site_lab)
    assert "homeprod plan --only web" in said
    text = (site_lab.root / "modules" / "web_vm.py").read_text()
    assert text.partition('"""\n\n')[2] == (
        "from homeprod import AdoptedVirtualMachine, Disk, GiB\n"
        "from modules._config import lab, ssd\n"
        "\n"
        "vm = AdoptedVirtualMachine(\n"
        "    vmid=5000,\n"
        "    number=60,  # 10.111.1.60, as its ipconfig0 says\n"
        "    environment=lab,\n"
        "    cores=2,\n"
        "    memory=2 * GiB,\n"
        "    disks={\n"
        '        "scsi0": Disk(8 * GiB, on=ssd),\n'
        "    },\n"
        '    tags={"terraform", "web"},\n'
        ")\n"
    )
    for secret in (PASSWORD, KEY.split()[1], "Sean"):
        assert secret not in text
    assert "ide2 (Proxmox's own cloud-init drive)" in text
    _prove(site_lab, hand, (WEB,), ("vm/web",))
    assert hand.config(WEB)["description"].startswith(NOTE + "\n\nKept by homeprod")
    assert site_lab.run("addresses")[1].split()[5:10] == ["60", "web", "vm", "10.111.1.60", "5000"]


def test_a_machine_made_by_hand_with_nothing_said(site_lab: SiteLab, hand: ForeignHand) -> None:
    """It has no name, no disk, no memory that is written down, and is off."""
    hand.create(105)
    code, _, said = site_lab.run("adopt", "105", "--environment", "lab")
    assert code == 64
    assert "it has no name in Proxmox" in said
    assert "homeprod adopt 105 --as NAME" in said
    adopt(site_lab, 105, "--as", "scratch")
    text = (site_lab.root / "modules" / "scratch_vm.py").read_text()
    assert 'called="",  # it has no name in Proxmox' in text
    assert "started=False," in text
    assert "cores" not in text
    _prove(site_lab, hand, (105,), ("vm/scratch",))


def test_a_machine_that_boots_from_virtio_and_has_a_data_disk_of_its_own(
    site_lab: SiteLab, hand: ForeignHand
) -> None:
    hand.create(
        106, name="NAS-1", memory=1536, cores=1, virtio0="local-nvme:4", sata1="local-hdd:1,backup=0", protection=1,
        ide2="none,media=cdrom", net0="e1000,bridge=vmbr0", description="Häuser & co: 100% = mine",
    )  # fmt: skip
    hand.start(106)
    adopt(site_lab, 106, "--as", "nas")
    text = (site_lab.root / "modules" / "nas_vm.py").read_text()
    assert 'called="NAS-1",' in text
    assert '"sata1": Disk(1 * GiB, on=hdd, backup=False),' in text
    assert '"virtio0": Disk(4 * GiB, on=ssd),' in text
    assert "memory=1536 * MiB," in text
    assert "protected=True," in text
    _prove(site_lab, hand, (106,), ("vm/nas",))


def test_a_machine_and_the_one_that_owns_its_data_disk(site_lab: SiteLab, hand: ForeignHand) -> None:
    """As Terraform's usual way to keep a disk: a machine that is never started owns it."""
    hand.create(921110, name="terraform-state-disks", scsi0="local-hdd:2", scsi1="local-hdd:1")
    volume = hand.config(921110)["scsi1"].partition(",")[0]
    hand.create(107, name="state", scsi0="local-nvme:4", scsi3=f"{volume},serial=tfstate,backup=1")
    hand.start(107)
    site_lab.edit("_config", '        921110: "terraform-state-disks",\n', "")
    said = adopt(site_lab, 107)
    assert "VMID 921110 (terraform-state-disks) owns disks of it, and is adopted with it as state-data" in said
    text = (site_lab.root / "modules" / "state_vm.py").read_text()
    assert "from modules.state_data_vm import vm as state_data\n" in text
    assert '"scsi3": state_data.disks[1],' in text
    both = [("adopt", "data-vm/state-data"), ("adopt", "vm/state")]
    assert site_lab.actions("--only", "state") == both
    _prove(site_lab, hand, (921110, 107), ("data-vm/state-data", "vm/state"))
    site_lab.edit("state_vm", '"scsi0": Disk(4 * GiB', '"scsi0": Disk(5 * GiB')
    assert [c["action"] for c in site_lab.plan()["changes"]] == ["update"]
    assert site_lab.apply() == 0
    assert "size=5G" in hand.config(107)["scsi0"]


def test_what_is_changed_in_an_adopted_module_is_done_in_place(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.terraform(WEB)
    adopt(site_lab, WEB, "--as", "front")
    assert site_lab.apply() == 0
    site_lab.edit("front_vm", 'called="web",  # its name in Proxmox; take this away to have it renamed\n', "")
    site_lab.edit("front_vm", 'tags={"terraform", "web"}', 'tags={"shop"}, note="The shop."')
    assert site_lab.apply() == 0
    now = hand.config(WEB)
    assert now["name"] == "front"
    assert set(now["tags"].split(";")) == {TAG, "shop", "terraform", "web"}
    assert now["description"].startswith("The shop.\n\nKept by homeprod")
    assert site_lab.actions() == []
    assert hand.status(WEB) == "running"


_MARK = f"homeprod-site: {'0' * 36}\nhomeprod-address: vm/web\nhomeprod-instance: a\nhomeprod-vmid: "
REFUSED = {
    "nobody": (str, "the cluster has no machine with VMID 5000"),
    "a template": (lambda hand: hand.create(WEB, name="base", template=1), "is a template (base)"),
    "a name that is no module's": (lambda hand: hand.create(WEB, name="web.example.org"), "is no name for a module"),
    "another site's": (
        lambda hand: hand.create(
            WEB,
            name="web",
            description=f"{_MARK}5000",
        ),
        "belongs to a site already, as vm/web",
    ),
    "a copy": (
        lambda hand: hand.create(
            WEB,
            name="web",
            description=f"{_MARK}4",
        ),
        "has the mark of vm/web (VMID 4): it is a copy",
    ),
    "half a mark": (
        lambda hand: hand.create(WEB, name="web", description="words\nhomeprod-site: 1234"),
        "has lines like those by which homeprod knows its machines",
    ),
    "a note that is too long": (
        lambda hand: hand.create(WEB, name="web", description="n" * 8192),
        "characters more than the 8192 that Proxmox takes",
    ),
    "a reserved number": (
        lambda hand: hand.create(WEB, name="web", ipconfig0="ip=10.111.1.206/24"),
        "number 206 (10.111.1.206) is reserved for gitea-green",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_adopted_is_refused_and_nothing_is_written(
    site_lab: SiteLab, hand: ForeignHand, case: str
) -> None:
    make, words = REFUSED[case]
    make(hand)
    before = sorted(site_lab.root.rglob("*"))
    code, _, said = site_lab.run("adopt", str(WEB), "--environment", "lab")
    assert code in (1, 64)
    assert words in said
    assert len(said.splitlines()) > 1  # a hint
    assert sorted(site_lab.root.rglob("*")) == before


def test_a_name_or_vmid_that_the_site_has_is_refused(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.terraform(WEB)
    hand.create(WEB + 1, name="web")
    adopt(site_lab, WEB)
    for vmid, words in ((WEB, "is declared already, as web"), (WEB + 1, "has a machine named web already")):
        code, _, said = site_lab.run("adopt", str(vmid), "--environment", "lab")
        assert code == 64
        assert words in said
    code, _, said = site_lab.run("adopt", str(WEB + 1), "--environment", "lba", "--as", "b")
    assert (code, "is lab meant?" in said) == (64, True)
    code, _, said = site_lab.run("adopt", str(WEB + 1), "--as", "b")
    assert (code, "--environment NAME" in said) == (64, True)
    code, _, said = site_lab.run("adopt")
    assert (code, "say a VMID" in said) == (64, True)


def test_a_module_that_is_there_is_never_overwritten(site_lab: SiteLab, hand: ForeignHand) -> None:
    """A file may come between the look and the write."""
    hand.create(WEB, name="web")
    (site_lab.root / "modules" / "web_vm.py").symlink_to("/nonexistent")  # no module to the loader, but a name in use
    code, _, said = site_lab.run("adopt", str(WEB), "--environment", "lab")
    assert code in (1, 64)
    assert "modules/web_vm.py" in said
    assert (site_lab.root / "modules" / "web_vm.py").is_symlink()


def test_an_adopted_machine_that_is_gone_is_not_made_anew(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.create(WEB, name="web", scsi0="local-nvme:1")
    adopt(site_lab, WEB)
    assert site_lab.apply() == 0
    hand.wait(hand.node.qemu(WEB).delete())
    code, out, _ = site_lab.run("plan")
    assert code == 1
    assert "was adopted, and VMID 5000 is not there any more" in out
    assert "a VirtualMachine, with `image=`, `boot=` and `people=`" in out


def test_a_disk_of_an_adopted_machine_that_is_gone_is_not_replaced_by_an_empty_one(
    site_lab: SiteLab, hand: ForeignHand
) -> None:
    hand.create(WEB, name="web", scsi0="local-nvme:1", scsi1="local-nvme:1")
    adopt(site_lab, WEB)
    assert site_lab.apply() == 0
    hand.change(WEB, delete="scsi1")
    code, out, _ = site_lab.run("plan")
    assert code == 1
    assert "lacks its disk scsi1; it owns local-nvme:vm-5000-disk-1, which may be it" in out


def test_an_adopted_machine_whose_module_goes_is_kept(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.create(WEB, name="web")
    adopt(site_lab, WEB)
    assert site_lab.apply() == 0
    (site_lab.root / "modules" / "web_vm.py").unlink()
    assert site_lab.actions() == []
    assert "`homeprod destroy 5000` or `homeprod forget 5000`" in site_lab.run("plan")[1]


def test_a_stranger_with_a_forged_mark_is_never_deleted(site_lab: SiteLab, hand: ForeignHand) -> None:
    """A note and a tag are written by anybody; this one names our site and its own VMID."""
    site_id = "6f1d0c52-9a3e-4b7c-8d21-5e0f4a9b7c36"
    note = f"homeprod-site: {site_id}\nhomeprod-address: vm/web\nhomeprod-vmid: {WEB}\nhomeprod-instance: abc"
    hand.create(
        WEB,
        name="nas",
        description=note,
        tags=f"{TAG};homeprod-new",
        net0="virtio,bridge=vmbr0",
        scsi0="local-nvme:1",
    )
    assert site_lab.actions() == []
    assert "it may be somebody else's, and is kept" in site_lab.run("plan")[1]
    site_lab.lab.forget_calls()
    assert site_lab.apply() == 0
    assert not written(site_lab)


def test_a_machine_that_somebody_changed_meanwhile_is_left_as_it_is(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.create(WEB, name="web")
    adopt(site_lab, WEB)
    store = site_lab.lab.hypervisor.machines

    def edit_behind(received: Received) -> None:
        if received.method == "POST" and received.path.endswith("/config"):
            site_lab.lab.on_call = None
            store.write_text(WEB, NODE, "cores: 7\n" + print_document(store.read(NODE, WEB).document))

    site_lab.lab.on_call = edit_behind
    code, _, said = site_lab.run("apply", "--yes")
    assert code == 1
    assert "somebody changed this machine since the plan was made" in said
    assert "description" not in hand.config(WEB)
    assert site_lab.apply() == 0
    assert hand.config(WEB)["cores"] == 7


def test_a_token_that_may_not_set_marks_is_told_in_the_plan(
    site_lab: SiteLab, hand: ForeignHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.create(WEB, name="web")
    adopt(site_lab, WEB)
    reads = {"VM.Audit", "Sys.Audit", "Datastore.Audit"}
    monkeypatch.setenv("HOMEPROD_TOKEN", site_lab.lab.add_token("reader", {"/": reads}))
    code, out, _ = site_lab.run("plan")
    assert code == 1
    assert "lacks VM.Config.Options on /vms/5000 (to set its marks)" in out


def test_an_adopted_machine_is_in_every_list(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.terraform(WEB, ipconfig0="ip=dhcp")
    adopt(site_lab, WEB)
    assert site_lab.apply() == 0
    assert "number" not in (site_lab.root / "modules" / "web_vm.py").read_text()
    for command in ("addresses", "status", "check"):
        code, out, said = site_lab.run(command)
        assert (code, "5000" in out or command == "check") == (0, True), said
    assert describe_lab(load_site(site_lab.root), "rehearsal").storages


def test_a_kept_plan_adopts_with_the_nonce_that_it_chose(site_lab: SiteLab, hand: ForeignHand) -> None:
    hand.create(WEB, name="web")
    adopt(site_lab, WEB)
    kept = site_lab.root / "kept.json"
    assert site_lab.run("plan", "--out", str(kept))[0] == 2
    (instance,) = json.loads(kept.read_text())["instances"].values()
    assert site_lab.run("apply", str(kept), "--yes")[0] == 0
    assert f"homeprod-instance: {instance}" in hand.config(WEB)["description"].splitlines()
    assert "homeprod-adopted: yes" in hand.config(WEB)["description"].splitlines()


def test_the_gateway_itself_is_adopted_without_a_number(site_lab: SiteLab, hand: ForeignHand) -> None:
    """No machine of a site may have its number, which is reserved besides."""
    hand.create(WEB, name="router", ipconfig0="ip=10.111.1.1/24")
    adopt(site_lab, WEB)
    assert "number=" not in (site_lab.root / "modules" / "router_vm.py").read_text()
