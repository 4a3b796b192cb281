"""The command line of ``lab ssh``."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab.census import LabMachine
from homeprod.lab.folder import LabFolder
from homeprod.lab.login import make_login
from homeprod.lab.spec import LabSpec

SPEC = LabSpec("p", hosts={"web": ("192.0.2.7", "2001:db8::7")})
WEB = LabMachine(100, "web", "pve", is_running=True, pid=1, memory=1, born="1700000000")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabFolder:
    monkeypatch.delenv("SUDO_USER", raising=False)
    return LabFolder("p", tmp_path / "p")


def add_key(lab: LabFolder, user: str) -> None:
    lab.keys.mkdir(parents=True, exist_ok=True)
    (lab.keys / user).write_text("key")
    (lab.keys / f"{user}.pub").write_text("public")


def test_it_is_ssh_inside_the_labs_network(lab: LabFolder) -> None:
    argv = make_login(lab, SPEC, WEB, "", [])
    assert argv[0] == "nsenter"
    assert argv[1].startswith("--net=/run/netns/homeprod-p-")
    assert argv[3] == "ssh"
    assert argv[-4:] == ["-l", "ansible", "--", "192.0.2.7"]
    assert "-i" not in argv  # the caller's own keys
    assert f"UserKnownHostsFile={lab.path}/known_hosts" in argv


def test_a_machine_that_is_made_anew_is_another_host(lab: LabFolder) -> None:
    assert "-t" not in make_login(lab, SPEC, WEB, "", ["unlock"])
    assert "-t" in make_login(lab, SPEC, WEB, "", ["unlock"], has_terminal=True)
    assert "HostKeyAlias=web-100-1700000000" in make_login(lab, SPEC, WEB, "", [])


def test_the_labs_own_keys_come_first(lab: LabFolder) -> None:
    add_key(lab, "sean")
    add_key(lab, "ops")
    argv = make_login(lab, SPEC, WEB, "", ["ls", "-l"])
    assert argv[-6:] == ["-l", "ops", "--", "192.0.2.7", "ls", "-l"]
    assert argv[argv.index("-i") + 1] == str(lab.keys / "ops")
    assert "IdentitiesOnly=yes" in argv
    assert str(lab.keys / "sean") in make_login(lab, SPEC, WEB, "sean", [])


def test_a_user_without_a_key_of_the_lab_has_the_callers(lab: LabFolder) -> None:
    add_key(lab, "ops")
    argv = make_login(lab, SPEC, WEB, "root", [])
    assert "-i" not in argv
    assert "IdentitiesOnly=yes" not in argv
    assert "root" in argv


def test_a_machine_without_an_address_has_a_console(lab: LabFolder) -> None:
    with pytest.raises(LabError, match="no address of web is known") as caught:
        make_login(lab, LabSpec("p"), WEB, "", [])
    assert "homeprod lab console p web" in caught.value.hint
