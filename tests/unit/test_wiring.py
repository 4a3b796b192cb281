"""How the site's cluster is reached: by what `_config.py` and the environment say, and a person types."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from homeprod.cli.main import main
from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox import Trust
from homeprod.site.loader import load_site
from homeprod.site.site import Site
from homeprod.wiring import find_settings

TOKEN = "homeprod@pve!cli=canary-5ecre7"


def _load(folder: Path, arguments: str) -> Site:
    """The first site, with these arguments of its Cluster in place of its token file."""
    main(["init", str(folder / "home")])
    config = folder / "home" / "modules" / "_config.py"
    given = 'token_file="~/.config/homeprod/token"'
    assert given in config.read_text()
    config.write_text(config.read_text().replace(given, arguments))
    return load_site(folder / "home")


def test_files_are_relative_to_the_site_or_to_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    site = _load(tmp_path, 'token_file="~/token", ca_file="~/ca.pem"')
    settings = find_settings(site, env={})
    assert str(settings.credential) == "homeprod@pve!cli"
    assert settings.trust == Trust(ca_file=tmp_path / "ca.pem")
    assert site.find_file("ca.pem") == site.root / "ca.pem"
    assert site.find_file("/ca.pem") == Path("/ca.pem")


def test_a_fingerprint_is_handed_on(tmp_path: Path) -> None:
    site = _load(tmp_path, f'fingerprint="{"ab" * 32}"')
    assert find_settings(site, env={"HOMEPROD_TOKEN": TOKEN}).trust == Trust(fingerprint=":".join(["AB"] * 32))


def test_nobody_is_asked_where_nobody_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = _load(tmp_path, 'token_file="~/nowhere/token"')
    monkeypatch.setattr(sys, "stdin", (tmp_path / "home" / "modules" / "_config.py").open())
    with sys.stdin, pytest.raises(UsageError, match="no API token is given"):
        find_settings(site, env={})


def test_a_person_at_a_terminal_is_asked_without_echo(tmp_path: Path) -> None:
    main(["init", str(tmp_path / "home")])
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "homeprod", "--site", str(tmp_path / "home"), "plan"]
    # A session of its own, so that the terminal that getpass opens is this one.
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=_environment()
    ) as asking:
        os.close(theirs)
        shown = _read_until(ours, "API token")
        os.write(ours, f"{TOKEN}\n".encode())
        shown += _read_until(ours, "cannot connect")
        asking.wait(60)
    os.close(ours)
    assert "USER@REALM!ID=SECRET" in shown
    assert "canary" not in shown


def test_a_password_is_asked_for_without_echo(tmp_path: Path) -> None:
    main(["init", str(tmp_path / "home")])
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "homeprod", "--site", str(tmp_path / "home"), "plan"]
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=_environment() | {"HOMEPROD_USER": "root@pam"},
    ) as asking:
        os.close(theirs)
        shown = _read_until(ours, "password of root@pam: ")
        os.write(ours, b"canary-5ecre7\n")
        shown += _read_until(ours, "cannot connect")
        asking.wait(60)
    os.close(ours)
    assert "canary" not in shown


def _environment() -> dict[str, str]:
    """No token, and an endpoint where nobody listens (port 9, discard)."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPROD_")}
    return outside | {"HOMEPROD_ENDPOINT": "https://127.0.0.1:9"}


def _read_until(terminal: int, words: str) -> str:
    shown = ""
    while words not in shown:
        piece = os.read(terminal, 4096)
        assert piece, shown
        shown += piece.decode()
    return shown
