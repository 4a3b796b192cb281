"""What a drill refuses: one clear error each, and not a machine touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.drill_lab import ANSIBLE, CODER, LAB, DrillLab, open_drill_lab, type_words
from tests.system.foreign_machines import ForeignHand
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.core.sizes import GiB
from homeprod.plan.config import Config, NewDrive

TAG = "homeprod-6f1d0c52"


@pytest.fixture
def lab(site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DrillLab]:
    assert site_lab.apply("--only", "lab-ansible", "--only", "lab-coder") == 0
    with open_drill_lab(site_lab, tmp_path / "state", monkeypatch) as lab:
        yield lab


def test_what_is_typed_wrong(lab: DrillLab) -> None:
    said = lab.refuse("lab-coda", code=64)
    assert "the site has no machine 'lab-coda'" in said
    assert "is lab-coder or" in said or "is lab-coder meant?" in said
    said = lab.refuse("lab-ansible-data", code=64)
    assert "lab-ansible-data is a data VM, and a drill leaves those whole" in said
    assert "name the machine that uses its disks: lab-ansible" in said
    assert "which is meant, --all or these names?" in lab.refuse("--all", "lab-coder", code=64)
    assert "which machines?" in lab.refuse(code=64)
    assert "it cannot be both" in lab.refuse("lab-coder", "--production", code=64)
    assert "there is no lab nowhere" in lab.refuse("lab-coder", lab="nowhere")
    assert "a drill destroys machines: say where" in lab.refuse("lab-coder", lab="", code=64)
    assert "minutes from 0 to 1440 (a day) are expected, not 'soon'" in lab.refuse(
        "lab-coder", "--wait=soon", code=64
    )
    code, _, said = lab.site_lab.run("drill")
    assert (code, "which drill? there is rebuild" in said) == (64, True)


def test_an_adopted_machine_cannot_be_made_again(lab: DrillLab) -> None:
    ForeignHand(lab.site_lab.lab).terraform(5000)
    assert lab.site_lab.run("adopt", "5000", "--environment", "lab")[0] == 0
    assert lab.site_lab.apply("--only", "web") == 0
    said = lab.refuse("web", "--yes", code=64)
    assert "web was there before the site, and cannot be made again" in said


def test_a_lab_without_any_machine(site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_drill_lab(site_lab, tmp_path / "state", monkeypatch) as lab:
        assert "pegasus: none of the 1 machines is there to be destroyed" in lab.refuse("lab-coder", "--yes")


def test_a_control_node_that_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether guests boot there or not: what it configures would come back, and never be configured. Where nothing
    boots no configured machine is ever finished, which alone is no reason."""
    words = "vm/lab-coder: is configured by lab-ansible, which is not made"
    with open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as site_lab:
        for boots in (False, True):
            with open_drill_lab(site_lab, tmp_path / f"boots-{boots}", monkeypatch, boots=boots) as lab:
                site_lab.apply("--only", "lab-coder")
                said = lab.refuse("lab-coder", "--yes")
                assert words in said
                assert "homeprod --lab drilled apply --only lab-ansible" in said
                assert ("the plan would finish it" in said) == boots
        assert words in lab.refuse("lab-coder", "--production", lab="")
        with open_drill_lab(site_lab, tmp_path / "state", monkeypatch) as lab:
            assert site_lab.apply("--only", "lab-ansible") == 0
            before = lab.lives()
            code, out, _ = lab.drill("lab-coder", "--yes")
            assert code == 3
            assert {vmid for vmid, life in lab.lives().items() if life != before[vmid]} == {CODER}
            assert "left as they are: lab-ansible\n" in out
            with site_lab.driver() as cluster:
                cluster.wait(cluster.stop_machine(NODE, ANSIBLE))
            assert "vm/lab-coder: is configured by lab-ansible, which is off" in lab.refuse("lab-coder", "--yes")


def test_nobody_who_agrees(lab: DrillLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    said = lab.refuse("lab-coder")
    assert "nobody is there to answer; nothing was done" in said
    assert "add --yes" in said
    type_words(monkeypatch, "no")
    assert "declined; nothing was done" in lab.refuse("lab-coder")
    assert json.loads(lab.drill("lab-coder", "--json", lab="nowhere")[1])["errors"]


def test_production_wants_the_sites_name_typed(lab: DrillLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's own cluster is the same lab, by its address: nothing boots there either, so it is not waited for."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    monkeypatch.setattr("homeprod.cli.drill.rebuild.check_place", lambda _options: False)
    words = ("lab-coder", "--production", "--yes")
    said = lab.refuse(*words, lab="")
    assert "nobody is there to type the site's name; nothing was done" in said
    assert "outside of a lab no option answers that" in said
    for wrong in ("yes", "pegasu", ""):
        type_words(monkeypatch, wrong)
        assert "that is not the name of this site; nothing was done" in lab.refuse(*words, lab="")
    type_words(monkeypatch, "pegasus")
    code, out, _ = lab.drill(*words, lab="")
    assert (code, "on its own cluster" in out) == (3, True)


def test_others_who_are_at_work(lab: DrillLab) -> None:
    with lab.site_lab.driver() as cluster:
        held = (
            "held by ann@laptop (pid 7, id 9f3ac2) for apply since 2026-11-25 20:58:19Z; renewed every 5 s, 1 times"
        )
        cluster.create_pool(f"{TAG}-lease-900", f"{held} so far")
        lab.site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=1,")
        beats = iter(range(2, 1000))

        def beat(received: object) -> InjectedFault | None:
            """Its holder is alive."""
            if getattr(received, "path", "") == "/pools" and getattr(received, "method", "") == "GET":
                text = f"{held[: held.rindex(', ')]}, {next(beats)} times so far"
                pools = lab.site_lab.lab.hypervisor.pools.pools
                pools[f"{TAG}-lease-900"].comment = text
            return None

        lab.site_lab.lab.on_call = beat
        assert "ann@laptop" in lab.refuse("lab-coder", "--yes")


def test_another_drill_that_has_not_come_to_its_end(lab: DrillLab) -> None:
    server = lab.site_lab.lab

    def refuse_to_create(received: object) -> InjectedFault | None:
        is_it = getattr(received, "method", "") == "POST" and getattr(received, "path", "").endswith("/qemu")
        return InjectedFault(status=500, reason="no room") if is_it else None

    server.on_call = refuse_to_create
    told = lab.report("lab-coder", "--yes")
    server.on_call = None
    assert (told["verdict"], told["exit_code"]) == ("failed", 1)
    assert [one["state"] for one in told["phases"] if one["name"] == "create"] == ["failed"]
    (problem,) = told["problems"]
    assert (problem["phase"], problem["where"]) == ("create", "vm/lab-coder")
    assert "no room" in problem["what"]
    said = lab.refuse("lab-ansible", "--yes", code=64)
    assert "has not come to its end, of other machines than these" in said
    assert "homeprod --lab drilled drill rebuild lab-coder" in said
    assert lab.drill("lab-ansible", "--yes", "--anew")[0] == 3
    assert lab.lives().keys() >= {ANSIBLE}
    assert lab.note() is None
    assert "the plan would create it" in lab.refuse("lab-coder", "--yes")
    assert lab.site_lab.apply("--start", "--only", "lab-coder") == 0


def test_a_note_that_is_none(lab: DrillLab) -> None:
    with lab.site_lab.driver() as cluster:
        cluster.create_pool(f"{TAG}-drill", "somebody's own")
    assert "the note of a drill is not one that homeprod wrote" in lab.refuse("lab-coder", "--yes")
    assert lab.drill("lab-coder", "--yes", "--anew")[0] == 3
    assert lab.note() is None


def test_lost_answers_about_its_note_are_no_matter(lab: DrillLab) -> None:
    lost: list[str] = []

    def lose(received: object) -> InjectedFault | None:
        """Of each kind the first: it has taken effect, and nobody hears of it."""
        method, path = getattr(received, "method", ""), getattr(received, "path", "")
        is_ours = path == "/pools" and f"{TAG}-drill" in str(getattr(received, "params", ""))
        if method == "GET" or not is_ours or method in lost:
            return None
        lost.append(method)
        return InjectedFault("after", cut=True)

    lab.site_lab.lab.on_call = lose
    assert lab.drill("lab-coder", "--yes")[0] == 3
    assert lost == ["POST", "DELETE"]
    assert lab.note() is None


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "homeprod", "drill", "rebuild", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "what goes, and what stays:" in said
    assert "  3  made again, and of something nothing could be asked" in said


def _change(lab: DrillLab, config: Config, *, delete: tuple[str, ...] = ()) -> None:
    with lab.site_lab.driver() as cluster:
        task = cluster.change_machine(NODE, CODER, config, delete=delete)
        if task is not None:
            cluster.wait(task)


def test_what_is_not_as_the_site_says(lab: DrillLab) -> None:
    said = lab.refuse("--all", "--yes")
    assert "vm/lab-proxy: is not as the site says: the plan would create it (is not there)" in said
    assert lab.refuse("lab-proxy", "--yes").count("the plan would create it") == 1
    lab.site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    said = lab.refuse("lab-coder", "lab-ansible", "--yes")
    assert "vm/lab-coder: is not as the site says: the plan would update it (and 1 more, above)" in said
    lab.site_lab.edit("lab_coder_vm", "memory=3 * GiB", "memory=2 * GiB")
    config = lab.site_lab.root / "modules" / "_config.py"
    config.write_text(config.read_text().replace("6f1d0c52-9a3e-", "11111111-9a3e-"))
    said = lab.refuse("lab-coder", "--yes")
    assert f"lab {LAB} is another site's: its machines carry {TAG}; nothing was done" in said


def test_machines_that_are_not_a_drills_to_take(lab: DrillLab) -> None:
    """One with a disk that somebody added, one that is off, one that is protected, one that is not the site's."""
    _change(lab, {"scsi5": NewDrive("local-hdd", GiB)})
    said = lab.refuse("lab-coder", "--yes")
    assert "vm/lab-coder: has what the site did not make, and would be lost with it: scsi5 (local-hdd:" in said
    with lab.site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, CODER))
    said = lab.refuse("lab-coder", "--yes")
    assert "vm/lab-coder: is off, so nobody knows whether it serves now (and 1 more, above); nothing was done" in said
    assert "homeprod --lab drilled apply --start --only lab-coder" in said
    lab.site_lab.edit("lab_ansible_vm", "number=22,", "number=22, protected=True,")
    assert lab.site_lab.apply("--only", "lab-ansible") == 0
    said = lab.refuse("lab-ansible", "--yes")
    assert "vm/lab-ansible: is protected" in said
    assert "take `protected=True` out of its module and apply that first" in said
    _change(lab, {"description": "mine"})
    assert "has this site's tag, but its note no longer says so" in lab.refuse("lab-coder", "--yes")
