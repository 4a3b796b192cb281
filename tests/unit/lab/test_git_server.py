"""The lab's git server: real git over real ssh, inside the lab's network."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab.lan import Lan
from homeprod.lab.lan.gitserver import find_sshd
from homeprod.lab.lan.resolver import write_configuration
from homeprod.lab.process import ProcessMark
from homeprod.lab.repository.store import Store
from homeprod.lab.spec import BridgeSpec, LabSpec

GATEWAY, GATEWAY6 = "192.0.2.1", "2001:db8::1"
"""Kept for documentation (RFC 5737, RFC 3849); they exist inside the lab's namespace alone."""
SPEC = LabSpec("git", bridges=(BridgeSpec("vmbr0", (f"{GATEWAY}/24", f"{GATEWAY6}/64")),), domain="home.example")
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab's LAN is a network namespace: run as root"),
]


class Site:
    """A lab's LAN with two repositories and two keys, the first of which reads the first repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "the state"  # a space, as a person's folder may have one
        self.state.mkdir()
        self.store = Store(self.state)
        self.lan = Lan(SPEC, self.state)

    def make(self) -> None:
        for name in ("one", "other"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(argv, check=True, timeout=60)
        source = self.folder / "source"
        source.mkdir()
        (source / "site.yml").write_text("[]\n")
        for argv in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
            git = ["git", "-c", "user.name=t", "-c", "user.email=t@home.example", "-C", str(source)]
            subprocess.run([*git, *argv], check=True, timeout=60)
        self.store.add("playbooks", str(source))
        self.store.add("vault", str(source))
        self.store.authorize("playbooks", (self.folder / "one.pub").read_text())

    def git(self, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run inside the lab's network, with its host key pinned."""
        known = self.folder / "known"
        known.write_text(f"{GATEWAY},{GATEWAY6} {self.lan.git.ensure_host_key()}\n")
        ssh = f"ssh -F /dev/null -i {self.folder / key} -o IdentitiesOnly=yes -o BatchMode=yes"
        ssh += f" -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
        environment = {**os.environ, "GIT_SSH_COMMAND": ssh}
        argv = self.lan.enter(["git", *arguments])
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def clone(self, key: str, repository: str, host: str = GATEWAY) -> str:
        """Empty where it went well, else what was said."""
        target = self.folder / "clone"
        shutil.rmtree(target, ignore_errors=True)
        done = self.git(key, "clone", "-q", f"ssh://git@{host}/{repository}.git", str(target))
        assert (done.returncode == 0) == (target / "site.yml").exists()
        return done.stderr if done.returncode else ""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        yield site
    finally:
        site.lan.down()


def find_sshds(site: Site) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            arguments = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(site.store.folder).encode() in arguments:
            found.append(entry.name)
    return found


@pytest.mark.slow
def test_deploy_keys_are_really_checked(site: Site) -> None:
    site.lan.up()
    assert not site.lan.git.is_up()  # nothing to serve
    site.make()
    site.lan.up()

    assert site.clone("one", "playbooks") == ""
    assert site.clone("one", "playbooks", f"[{GATEWAY6}]") == ""
    assert "it reads: playbooks" in site.clone("one", "vault")
    assert "Permission denied (publickey)" in site.clone("other", "playbooks")
    pushed = site.git(
        "one", "-C", str(site.folder / "source"), "push", f"ssh://git@{GATEWAY}/playbooks.git", "HEAD:x"
    )
    assert "a deploy key reads, and pushes nothing" in pushed.stderr
    login = site.lan.enter(["ssh", "-F", "/dev/null", "-i", str(site.folder / "one"), "-o", "BatchMode=yes", "-o"])
    login += ["StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", f"git@{GATEWAY}", "id"]
    done = subprocess.run(login, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")

    site.store.authorize("vault", (site.folder / "other.pub").read_text())
    site.store.revoke("playbooks", (site.folder / "one.pub").read_text())
    site.lan.up()
    assert site.clone("other", "vault") == ""
    assert "Permission denied (publickey)" in site.clone("one", "playbooks")


def test_it_comes_and_goes_with_the_lab_and_keeps_its_host_key(site: Site) -> None:
    site.make()
    site.lan.up()
    before = find_sshds(site)
    assert len(before) == 1
    site.lan.up()
    assert find_sshds(site) == before  # kept, with the connections that it serves
    key = site.lan.git.ensure_host_key()

    (site.store.folder / "sshd.json").unlink()  # its starter was killed before it wrote the mark
    site.lan.down()
    assert find_sshds(site) == []
    site.lan.up()
    assert site.lan.git.ensure_host_key() == key
    assert site.clone("one", "playbooks") == ""


def test_a_killed_one_is_started_again(site: Site) -> None:
    site.make()
    site.lan.up()
    mark = ProcessMark.read(site.store.folder / "sshd.json")
    assert mark is not None
    mark.end()
    assert not site.lan.git.is_up()
    site.lan.up()
    assert site.clone("one", "playbooks") == ""


def test_dns_calls_the_gateway_git_unless_the_site_has_a_host_of_that_name() -> None:
    lines = write_configuration(SPEC).splitlines()
    assert f"host-record=git.home.example,git,{GATEWAY}" in lines
    assert f"host-record=git.home.example,git,{GATEWAY6}" in lines
    own = write_configuration(dataclasses.replace(SPEC, hosts={"git": ("192.0.2.9",)})).splitlines()
    assert [line for line in own if "git" in line] == ["host-record=git.home.example,git,192.0.2.9"]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(LabError, match="sshd and nss_wrapper") as refusal:
        find_sshd()
    assert "apt install openssh-server libnss-wrapper" in refusal.value.hint
