"""``homeprod known-hosts``: what ssh itself takes for the machines' keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.system.site_lab import SiteLab

from homeprod.core.errors import TransientError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.ring import HOST_KEY_FILE


@pytest.fixture
def keys(site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """By machine; lab-coder's agent is silent, and lab-ansible is not there."""
    assert site_lab.apply("--only", "lab-proxy", "--only", "lab-coder") == 0
    with site_lab.driver() as cluster:
        by_vmid = {machine.vmid: machine.name for machine in cluster.read_resources().machines}
    file = tmp_path / "lab-proxy"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)), check=True, timeout=30)
    found = {"lab-proxy": file.with_suffix(".pub").read_text()}

    def read(_: object, _node: str, vmid: int, path: str) -> str | None:
        assert path == HOST_KEY_FILE
        if by_vmid[vmid] not in found:
            raise TransientError("QEMU guest agent is not running")
        return found[by_vmid[vmid]]

    monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", read)
    return found


def test_ssh_finds_the_key_by_each_name(site_lab: SiteLab, keys: dict[str, str], tmp_path: Path) -> None:
    code, out, said = site_lab.run("known-hosts", "lab-proxy")
    assert (code, said) == (0, "")
    (tmp_path / "known_hosts").write_text(out)
    for name in ("lab-proxy", "lab-proxy.home.pegasuspad.com", "10.111.1.212"):
        command = ("ssh-keygen", "-F", name, "-f", str(tmp_path / "known_hosts"))
        found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
        assert keys["lab-proxy"].split()[1] in found


def test_those_that_tell_no_key_are_named(site_lab: SiteLab, keys: dict[str, str]) -> None:
    code, out, said = site_lab.run("known-hosts")
    assert code == 1
    assert out.count("\n") == len(keys)
    assert "vm/lab-coder: its guest agent does not answer" in said
    assert "note: vm/lab-ansible: is not there" in said
    assert "data" not in said


def test_those_that_cannot_tell_one_are_no_failure_unless_they_were_named(
    site_lab: SiteLab, keys: dict[str, str]
) -> None:
    keys["lab-coder"] = keys["lab-proxy"]
    code, out, said = site_lab.run("known-hosts")
    assert (code, out.count("\n")) == (0, 2)
    assert said.count("note: ") == said.count("\n") > 0
    code, out, said = site_lab.run("known-hosts", "lab-proxy", "lab-ansible")
    assert (code, out.count("\n")) == (1, 1)
    assert said == "vm/lab-ansible: is not there\n"


@pytest.mark.parametrize(
    ("name", "words"), [("lab-proxi", "is lab-proxy meant?"), ("lab-ansible-data", "is a data VM")]
)
def test_names_that_have_none(site_lab: SiteLab, name: str, words: str) -> None:
    code, out, said = site_lab.run("known-hosts", name)
    assert (code, out) == (64, "")
    assert words in said
