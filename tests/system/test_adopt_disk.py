"""adopt --disk: a machine's disk becomes a data VM's, its bytes unchanged, whatever cuts it off."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.adopting import adopt, open_empty_site, written
from tests.system.foreign_machines import ForeignHand
from tests.system.site_lab import SiteLab

from homeprod.engine.work import Manner

pytestmark = pytest.mark.slow

WEB, KEEPER = 5000, 95000
CANARY = b"the only copy of the documents"
MOVE = ("adopt", "--disk", "web", "scsi1", "--to", "web-data", "--label", "documents", "--yes")


@pytest.fixture
def site_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    """With an adopted machine, off, that has a disk with something on it."""
    with open_empty_site(tmp_path, monkeypatch, capsys) as lab:
        hand = ForeignHand(lab.lab)
        hand.create(WEB, name="web", scsi0="local-nvme:4", scsi1="local-nvme:1,discard=on,iothread=1")
        monkeypatch.setattr("homeprod.cli.handover.Manner", functools.partial(Manner, pause=0.01))
        adopt(lab, WEB)
        assert lab.apply() == 0
        with lab.lab.hypervisor.volumes.path("local-nvme:vm-5000-disk-1").open("r+b") as file:
            file.write(CANARY)
        yield lab


@pytest.fixture
def hand(site_lab: SiteLab) -> ForeignHand:
    return ForeignHand(site_lab.lab)


def _use(site_lab: SiteLab) -> None:
    """Write into the machine's module what the command says."""
    site_lab.edit(
        "web_vm", "from modules._config", "from modules.web_data_vm import vm as web_data\nfrom modules._config"
    )
    text = (site_lab.root / "modules" / "web_vm.py").read_text()
    (line,) = re.findall(r' *"scsi1": Disk\(.*\),\n', text)
    site_lab.edit("web_vm", line, "")
    site_lab.edit("web_vm", "    disks={", '    data_disks={"scsi1": web_data.disks[0]},\n    disks={')


def _prove(site_lab: SiteLab, hand: ForeignHand) -> None:
    """The data VM owns it, the machine uses it, and nothing is lost, doubled or planned."""
    options = "discard=on,iothread=1,serial=documents,size=1G"
    assert hand.config(KEEPER)["scsi0"] == f"local-nvme:vm-95000-disk-0,backup=0,{options}"
    assert hand.config(KEEPER)["protection"] == 1
    assert hand.config(WEB)["scsi1"] == f"local-nvme:vm-95000-disk-0,backup=1,{options}"
    volumes = {record.volume for record in site_lab.lab.hypervisor.catalog.list_storage("local-nvme")}
    assert volumes == {"local-nvme:vm-5000-disk-0", "local-nvme:vm-95000-disk-0"}
    path = site_lab.lab.hypervisor.volumes.path("local-nvme:vm-95000-disk-0")
    assert path.read_bytes()[: len(CANARY)] == CANARY
    assert all("homeprod-time: " in str(hand.config(vmid)["description"]) for vmid in (WEB, KEEPER))
    plan = site_lab.plan()
    assert (plan["changes"], plan["conflicts"]) == ([], [])
    assert "should say so in data_disks=" in plan["notices"][0]["message"]
    _use(site_lab)
    plan = site_lab.plan()
    assert (plan["changes"], plan["conflicts"]) == ([], [])


def test_a_disk_moves_into_a_data_vm_that_is_made_for_it(site_lab: SiteLab, hand: ForeignHand) -> None:
    code, out, _ = site_lab.run(*MOVE)
    assert code == 0
    assert "1. make the data VM" in out
    assert '    data_disks={"scsi1": web_data.disks[0]},\n\nand take "scsi1" out of its disks=\n' in out
    text = (site_lab.root / "modules" / "web_data_vm.py").read_text()
    assert 'disks=(DataDisk(label="documents", size=1 * GiB, on=ssd),),' in text
    site_lab.lab.forget_calls()
    code, out, _ = site_lab.run(*MOVE)
    assert (code, "it is there already" in out) == (0, True)
    assert not written(site_lab)
    _prove(site_lab, hand)


FAULTS = [(place, when, "cut") for place in range(5) for when in ("before", "after")]
FAULTS += [(2, "before", "refused"), (4, "before", "refused")]


@pytest.mark.parametrize(("place", "when", "fault"), FAULTS)
def test_cut_off_anywhere_the_same_command_goes_on(
    site_lab: SiteLab, hand: ForeignHand, place: int, when: str, fault: str
) -> None:
    """The n-th write is lost, or takes effect and its answer is lost, or is refused: then it is repeated."""
    met: list[str] = []

    def meet(received: object) -> InjectedFault | None:
        path = str(getattr(received, "path", ""))
        if getattr(received, "method", "GET") == "GET" or path.startswith("/pools"):  # the lease has its own tests
            return None
        met.append(path)
        if len(met) != place + 1:
            return None
        if fault == "cut":
            return InjectedFault(when=when, cut=True)  # type: ignore[arg-type]
        return InjectedFault(when=when, status=500, reason="no space left on device")  # type: ignore[arg-type]

    site_lab.lab.on_call = meet
    first = site_lab.run(*MOVE)[0]
    site_lab.lab.on_call = None
    assert len(met) > place
    if first != 0:
        assert site_lab.run(*MOVE)[0] == 0
    _prove(site_lab, hand)


def test_a_data_vm_that_the_site_has_takes_another_disk(site_lab: SiteLab, hand: ForeignHand) -> None:
    assert site_lab.run(*MOVE)[0] == 0
    _use(site_lab)
    hand.change(WEB, scsi5="local-hdd:2,serial=photos")
    code, out, said = site_lab.run("adopt", "--disk", "web", "scsi5", "--to", "web-data", "--yes")
    assert code == 0, said
    assert 'DataDisk(label="photos", size=2 * GiB, on=hdd),' in out
    assert 'data_disks={"scsi5": web_data.disks[1]}' in out
    assert hand.config(KEEPER)["scsi1"].startswith("local-hdd:95000/vm-95000-disk-0.raw,backup=0")
    site_lab.edit("web_data_vm", "on=ssd),)", 'on=ssd), DataDisk(label="photos", size=2 * GiB, on=hdd))')
    site_lab.edit("web_data_vm", "import lab, ssd", "import hdd, lab, ssd")
    site_lab.edit("web_vm", "web_data.disks[0]}", 'web_data.disks[0], "scsi5": web_data.disks[1]}')
    assert site_lab.actions() == []
    assert site_lab.plan()["conflicts"] == []


REFUSED = {
    "a running machine": (lambda hand: hand.start(WEB), MOVE, "is running, with local-nvme:vm-5000-disk-1 in use"),
    "what it boots from": (
        str,
        ("adopt", "--disk", "web", "scsi0", "--to", "web-data", "--label", "a", "--yes"),
        "boots from scsi0",
    ),
    "no such disk": (
        str,
        ("adopt", "--disk", "web", "scsi7", "--to", "web-data", "--label", "a", "--yes"),
        "owns no disk in scsi7",
    ),
    "no label": (str, ("adopt", "--disk", "web", "scsi1", "--to", "web-data", "--yes"), "no serial that would do"),
    "an odd label": (
        str,
        ("adopt", "--disk", "web", "scsi1", "--to", "web-data", "--label", "My Data", "--yes"),
        "'My Data' is no label",
    ),
    "no data VM's name": (str, ("adopt", "--disk", "web", "scsi1", "--to", "store", "--yes"), "is no data VM's name"),
    "no data VM": (str, ("adopt", "--disk", "web", "scsi1", "--yes"), "say which data VM takes it"),
    "a stranger": (str, ("adopt", "--disk", "nas", "scsi1", "--to", "nas-data"), "this site's mark as nas"),
    "a VMID that is taken": (lambda hand: hand.create(KEEPER, name="nas"), MOVE, "which is held by 'nas'"),
    "a disk that another machine uses": (
        lambda hand: hand.create(105, name="nas", scsi0="local-nvme:vm-5000-disk-1"),
        MOVE,
        "is in use by 'nas' (VMID 105) too",
    ),
    "a protected machine": (lambda hand: hand.change(WEB, protection=1), MOVE, "is protected"),
    "nobody to ask": (str, MOVE[:-1], "nobody is there to answer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_moved_is_refused_before_anything_is_done(
    site_lab: SiteLab, hand: ForeignHand, case: str
) -> None:
    prepare, command, words = REFUSED[case]
    prepare(hand)
    site_lab.lab.forget_calls()
    code, _, said = site_lab.run(*command)
    assert code in (1, 64)
    assert words in said
    assert len(said.splitlines()) > 1
    assert not written(site_lab)
    assert not (site_lab.root / "modules" / "web_data_vm.py").exists()
