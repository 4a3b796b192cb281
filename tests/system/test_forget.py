"""forget: the marks go, and nothing else of a machine changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab_server import InjectedFault
from tests.system.adopting import TAG, adopt, open_empty_site, written
from tests.system.foreign_machines import NOTE, ForeignHand
from tests.system.site_lab import SiteLab

from homeprod.lab.api.server import Received
from homeprod.lab.pools import Pool

WEB, CODER, ANSIBLE, KEYS = 5000, 4001021, 4001022, 94001022
OURS = ("homeprod-", "Kept by homeprod")


@pytest.fixture
def empty_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    with open_empty_site(tmp_path, monkeypatch, capsys) as lab:
        yield lab


def _drop_marks(config: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in config.items() if key not in ("description", "tags")}


def test_an_adopted_machine_is_as_it_was_before(empty_site: SiteLab) -> None:
    hand = ForeignHand(empty_site.lab)
    hand.terraform(WEB)
    before = hand.config(WEB)
    adopt(empty_site, WEB)
    assert empty_site.apply() == 0
    assert hand.config(WEB) != before
    empty_site.lab.forget_calls()
    code, _, said = empty_site.run("forget", "web", "--yes")
    assert code == 0
    assert f"rm {empty_site.root / 'modules' / 'web_vm.py'}" in said
    assert hand.config(WEB) == before
    assert hand.status(WEB) == "running"
    (call,) = written(empty_site)
    assert (call.path.rpartition("/")[2], "digest" in call.params) == ("config", True)
    assert empty_site.actions() == [("adopt", "vm/web")]  # its module still says so


def test_all_are_forgotten_and_an_empty_site_plans_nothing(site_lab: SiteLab) -> None:
    """Data VMs keep their protection, machines their CDs; a copy by hand loses its mark too."""
    hand = ForeignHand(site_lab.lab)
    assert site_lab.apply("--only", "lab-ansible", "--only", "lab-coder") == 0
    hand.create(7000, name="copy", description=hand.config(CODER)["description"], tags=hand.config(CODER)["tags"])
    hand.change(CODER, description=NOTE + "\n\n" + hand.config(CODER)["description"] + "\nwritten below")
    before = {vmid: (hand.config(vmid), hand.status(vmid)) for vmid in (CODER, ANSIBLE, KEYS, 7000)}
    files = {volume["volid"] for volume in hand.node.storage("local-hdd").content.get()}
    code, out, said = site_lab.run("forget", "--all", "--yes")
    assert code == 0
    assert "data-vm/lab-ansible-data  VMID 94001022" in out
    assert said.count("rm ") == 3
    for vmid, (config, status) in before.items():
        now = hand.config(vmid)
        assert _drop_marks(now) == _drop_marks(config)
        assert not any(mark in str(now.get("description", "")) for mark in OURS)
        assert TAG not in now.get("tags", "")
        assert hand.status(vmid) == status
    assert hand.config(CODER)["description"] == NOTE + "\n\n\nwritten below"
    assert hand.config(KEYS)["protection"] == 1
    assert {"coder"} <= set(hand.config(CODER)["tags"].split(";"))
    for file in (site_lab.root / "modules").glob("*_vm.py"):
        file.unlink()
    assert site_lab.plan()["changes"] == []
    assert site_lab.apply() == 0
    assert {volume["volid"] for volume in hand.node.storage("local-hdd").content.get()} == files
    assert "nothing to forget" in site_lab.run("forget", "--all")[1]


def test_the_cd_of_a_forgotten_machine_stays_while_the_site_goes_on(site_lab: SiteLab) -> None:
    hand = ForeignHand(site_lab.lab)
    assert site_lab.apply("--only", "lab-coder", "--only", "lab-ansible") == 0
    cd = hand.config(CODER)["ide2"].partition(",")[0]
    assert site_lab.run("forget", "lab-coder", "--yes")[0] == 0
    (site_lab.root / "modules" / "lab_coder_vm.py").unlink()
    assert [change for change in site_lab.plan()["changes"] if change["address"].startswith("iso/")] == []
    assert cd in {volume["volid"] for volume in hand.node.storage("local-hdd").content.get()}
    hand.change(CODER, name="builder")  # nothing tells its CD from a leftover any more
    code, _, said = site_lab.run("apply", "--yes", "--no-wait")
    assert (code, "is in use by 'builder' (VMID 4001021)" in said) == (1, True)
    assert cd in {volume["volid"] for volume in hand.node.storage("local-hdd").content.get()}


def test_what_cannot_be_forgotten_is_said_and_nothing_is_written(site_lab: SiteLab) -> None:
    hand = ForeignHand(site_lab.lab)
    assert site_lab.apply("--only", "lab-coder") == 0
    hand.create(CODER + 5000, name="nas")
    site_lab.lab.forget_calls()
    for arguments, code, words in (
        ((), 64, "say which machines, or --all"),
        (("lab-coder", "--all"), 64, "say which machines, or --all"),
        (("nas", "--yes"), 1, "has this site's mark as nas"),
        (("lab-coder",), 1, "nobody is there to answer"),
    ):
        given, _, said = site_lab.run("forget", *arguments)
        assert (given, words in said) == (code, True)
    assert not written(site_lab)


def test_a_lease_lost_in_the_middle_is_told(site_lab: SiteLab) -> None:
    """Somebody takes over between two machines: that is no mistake of homeprod's own."""
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=2,")
    assert site_lab.apply("--only", "lab-coder", "--only", "lab-ansible") == 0

    def take_over(received: Received) -> InjectedFault | None:
        """During the first write, which takes until the holder has noticed."""
        if received.method != "POST" or not received.path.endswith("/config"):
            return None
        site_lab.lab.hypervisor.pools.pools.setdefault(f"{TAG}-lease-9", Pool("held by ben"))
        return InjectedFault(delay=1.5)

    site_lab.lab.on_call = take_over
    code, _, said = site_lab.run("forget", "--all", "--yes")
    assert (code, "was taken over: held by ben" in said) == (1, True), said
    assert "mistake" not in said
