"""Which server a repository's URL names, and which lines of known_hosts are its own; ssh-keygen says the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeprod.site.knownhosts import SshServer, is_known, read_server

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yT3BzMTExMTEx"
GIT = SshServer("git.example")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("ssh://git@git.example/playbooks.git", GIT),
        ("ssh://Git.Example/~me/playbooks", GIT),
        ("ssh://git@git.example:22/playbooks.git", GIT),
        ("ssh://git@git.example:2222/playbooks.git", SshServer("git.example", 2222)),
        ("ssh://git@[fd00::5]:2222/playbooks.git", SshServer("fd00::5", 2222)),
        ("git@git.example:me/playbooks.git", GIT),
        ("git.example:playbooks.git", GIT),
        ("https://git.example/playbooks.git", None),
        ("file:///srv/playbooks.git", None),
        ("ssh://git@git.example", None),
        ("ssh://git@git.example/", None),
        ("/srv/playbooks.git", None),
        ("vault", None),
        ("", None),
    ],
)
def test_the_server_of_a_url(url: str, server: SshServer | None) -> None:
    assert read_server(url) == server


@pytest.mark.parametrize(
    ("names", "server", "is_its_own"),
    [
        ("git.example", GIT, True),
        ("GIT.example", GIT, True),
        ("other.example", GIT, False),
        ("other.example,git.example", GIT, True),
        ("*.example", GIT, True),
        ("g?t.example", GIT, True),
        ("*.example,!git.example", GIT, False),
        ("example", GIT, False),
        ("[git.example]:2222", GIT, False),
        ("[git.example]:2222", SshServer("git.example", 2222), True),
        ("[git.example]:2223", SshServer("git.example", 2222), False),
        ("[*.example]:2222", SshServer("git.example", 2222), True),
        ("[fd00::5]:2222", SshServer("fd00::5", 2222), True),
    ],
)
def test_ssh_keygen_takes_the_same_lines_for_the_servers_own(
    names: str, server: SshServer, is_its_own: bool, tmp_path: Path
) -> None:
    assert is_known(server, [f"{names} {KEY}"]) is is_its_own
    file = tmp_path / "known_hosts"
    file.write_text(f"{names} {KEY}\n", encoding="utf-8")
    found = subprocess.run(
        ("ssh-keygen", "-F", server.label, "-f", str(file)), capture_output=True, timeout=30, check=False
    )
    assert (found.returncode == 0) is is_its_own


@pytest.mark.parametrize("server", [GIT, SshServer("git.example", 2222)])
def test_a_line_whose_names_are_hashed(server: SshServer, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{server.label} {KEY}\n", encoding="utf-8")
    subprocess.run(("ssh-keygen", "-H", "-f", str(file)), capture_output=True, timeout=30, check=True)
    line = file.read_text(encoding="utf-8").strip()
    assert line.startswith("|1|")
    assert is_known(server, [line])
    assert not is_known(SshServer("other.example"), [line])
    assert not is_known(server, [f"|1|not base64|at all {KEY}", f"|1|short {KEY}"])


def test_a_line_without_a_port_is_good_for_every_port() -> None:
    assert is_known(SshServer("git.example", 2222), [f"git.example {KEY}"])
