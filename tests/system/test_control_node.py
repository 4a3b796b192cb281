"""A control node in the plan: its bundle, and the machines that wait for its key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.system.site_lab import NODE, SiteLab, open_site_lab

from homeprod.plan.bundle import bundle_name
from homeprod.plan.config import Drive
from homeprod.site.loader import load_site

ANSIBLE = 4001022
KEYED = {"lab": ["lab-coder", "lab-proxy"], "prod": ["prod-proxy", "prod-proxy-passthrough"]}
"""The machines that lab-ansible configures, by environment."""


@pytest.fixture
def site_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    with open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as lab:
        yield lab


def _bundle(site_lab: SiteLab) -> str:
    return bundle_name(load_site(site_lab.root))


def test_it_is_installed_from_a_second_cd(site_lab: SiteLab) -> None:
    assert site_lab.apply("--only", "lab-ansible") == 0
    with site_lab.driver() as cluster:
        drive = cluster.read_machine(NODE, ANSIBLE).config["ide0"]
    assert isinstance(drive, Drive)
    assert drive.volume == f"local-hdd:iso/{_bundle(site_lab)}"
    assert site_lab.actions("--only", "lab-ansible") == []


@pytest.mark.parametrize("disc", ["local-hdd:iso/mine.iso,media=cdrom", None])
def test_another_disc_or_none_is_put_right(site_lab: SiteLab, disc: str | None) -> None:
    assert site_lab.apply("--only", "lab-ansible") == 0
    with site_lab.driver() as cluster:
        if disc is not None:
            cluster.wait(cluster.upload(NODE, "local-hdd", "mine.iso", bytes(2048), content="iso"))
            new = Drive("local-hdd:iso/mine.iso", None, (("media", "cdrom"),))
            cluster.change_machine(NODE, ANSIBLE, {"ide0": new})
        else:
            cluster.change_machine(NODE, ANSIBLE, {}, delete=("ide0",))
    _, out, _ = site_lab.run("plan", "--only", "lab-ansible")
    assert "ide0: " in out
    assert ("  live" if disc is not None else "waits for a cold start") in out
    assert site_lab.apply("--only", "lab-ansible", "--cold-start") == 0
    assert site_lab.actions("--only", "lab-ansible") == []


def test_a_new_version_is_a_swapped_disc_and_the_old_file_goes(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site_lab.apply("--only", "lab-ansible") == 0
    old = _bundle(site_lab)
    monkeypatch.setattr("homeprod.site.loader.identify_bundle", lambda: "0123456789ab")
    new = _bundle(site_lab)
    assert site_lab.actions("--only", "lab-ansible") == [("create", f"iso/{new}"), ("update", "vm/lab-ansible")]
    assert site_lab.apply("--only", "lab-ansible") == 0
    with site_lab.driver() as cluster:
        files = {volume.id.partition("/")[2] for volume in cluster.read_content(NODE, "local-hdd")}
    assert new in files
    assert site_lab.apply() == 3  # those that it configures are not handed to it
    with site_lab.driver() as cluster:
        files = {volume.id.partition("/")[2] for volume in cluster.read_content(NODE, "local-hdd")}
    assert old not in files


def test_machines_wait_for_a_key_that_is_not_published(site_lab: SiteLab) -> None:
    (site_lab.root / "keys" / "lab-ansible-prod.pub").unlink()
    code, out, said = site_lab.run("apply", "--yes", "--no-wait")
    assert code == 3, said
    assert out.count("waits for the control node's key, keys/lab-ansible-prod.pub") == 1
    names = ", ".join(f"vm/{name}" for name in sorted(KEYED["prod"]))
    assert re.search(
        rf"^\* {len(KEYED['prod'])} machines: waits for the control node's key.*\n    {names}$", out, re.MULTILINE
    )
    for name in KEYED["prod"]:
        assert re.search(rf"^not finished: .*vm/{name}\b.*: waits for", said, re.MULTILINE)
    made = {name for kind, name in (address.split("/") for _, address in site_lab.actions()) if kind == "vm"}
    assert made == set(KEYED["lab"])  # they are there, and not handed to it
    with site_lab.driver() as cluster:
        names = {machine.name for machine in cluster.read_resources().machines}
    assert names >= set(KEYED["lab"])
    assert not names & set(KEYED["prod"])
    assert site_lab.apply() == 3  # they wait still


def test_what_waits_is_neither_done_nor_as_declared(site_lab: SiteLab) -> None:
    for name in KEYED:
        (site_lab.root / "keys" / f"lab-ansible-{name}.pub").unlink()
    assert site_lab.apply() == 3
    code, out, _ = site_lab.run("plan")
    assert code == 3
    assert "nothing else to do; 4 machines that wait for a person: see above" in out
    assert "`ssh -t lab-ansible bootstrap`" in out
    told = json.loads(site_lab.run("status", "--json")[1])["machines"]
    waiting = {row["name"] for row in told if row["plan"] == "waits for a person"}
    assert waiting == {*KEYED["lab"], *KEYED["prod"]}


def test_a_key_file_without_a_key_is_a_mistake_of_the_site(site_lab: SiteLab) -> None:
    (site_lab.root / "keys" / "lab-ansible-lab.pub").write_text("hello\n")
    code, _, said = site_lab.run("check")
    assert code == 1
    assert "keys/lab-ansible-lab.pub:1: error: holds no public SSH key" in said
