"""Install: what makes a machine a control node, once homeprod's own files are on it. Safe to repeat.

Users, folders with their owners, the doorbell's TLS key, the programs on PATH, the systemd units. Nothing secret is
made but that TLS key, which belongs to the machine as sshd's host key does.
"""

from __future__ import annotations

import grp
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from homeprod.control.certificate import make_certificate
from homeprod.control.ownership import give_tree, make_given
from homeprod.control.places import Places
from homeprod.control.settings import EnvironmentSettings, NodeSettings
from homeprod.control.units import list_services
from homeprod.core.errors import ControlError
from homeprod.drivers.wholefile import write_whole

USER = "homeprod"
"""Of the daemon."""
ADMINISTRATORS = "homeprod-admin"
"""The group of those who may speak to the keyholder."""
CURRENT = Path("/opt/homeprod/current")
"""Points to the version in use."""
PROGRAMS = {
    # -P: what lies in the folder that a person happens to be in must not be run in its place, with their passphrase.
    "homeprod": 'exec /opt/homeprod/current/bin/python -P -m homeprod "$@"',
    "bootstrap": 'exec /usr/local/bin/homeprod control bootstrap "$@"',
    "unlock": 'exec /usr/local/bin/homeprod control unlock "$@"',
    "lock": 'exec /usr/local/bin/homeprod control lock "$@"',
}
COMPILING = "homeprod-compile.service"
LINKS = {"bootstrap.sh": "bootstrap", "unlock.sh": "unlock"}
"""The names that the original's scripts had."""


def install(settings: NodeSettings, places: Places, units: dict[str, str]) -> None:
    """As root. ``units`` are texts for /etc/systemd/system, and tmpfiles.d, by file name. Raises ControlError."""
    _make_users(settings)
    _make_folders(places, settings.environments)
    make_certificate(places.tls, settings.node, group=USER)
    prefix = find_prefix()
    make_entry_points(prefix / "bin")
    make_programs(Path("/usr/local/bin"), prefix, CURRENT)
    _start_units(units)


def find_prefix() -> Path:
    """The folder of this very version. Started by the installed program it is run through ``CURRENT``, which must not
    be made to point to itself."""
    return Path(sys.prefix).resolve()


def _make_users(settings: NodeSettings) -> None:
    for group in (USER, ADMINISTRATORS):
        _run("groupadd", "--system", "--force", group)
    for user in (USER, *(one.user for one in settings.environments)):
        if subprocess.run(("id", user), capture_output=True, check=False).returncode:
            own = ("--gid", USER) if user == USER else ("--user-group",)
            _run(
                "useradd",
                "--system",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                *own,
                "--shell",
                "/usr/sbin/nologin",
                user,
            )
    for name in settings.administrators:
        _run("usermod", "--append", "--groups", ADMINISTRATORS, name)


def _make_folders(places: Places, environments: Iterable[EnvironmentSettings]) -> None:
    """The data disk may come from an earlier machine, whose users had other numbers."""
    places.persistent.mkdir(parents=True, exist_ok=True)
    places.persistent.chmod(0o755)
    for folder, owner, mode in (
        (places.keyring_folder, "root", 0o700),
        (places.database.parent, USER, 0o700),
        (places.cache, USER, 0o755),
        (places.tls, "root", 0o755),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        shutil.chown(folder, owner, owner)
        if folder.is_relative_to(places.persistent):
            give_tree(folder, pwd.getpwnam(owner).pw_uid, grp.getgrnam(owner).gr_gid)
    for one in environments:
        user = pwd.getpwnam(one.user)
        make_given(places.cache, ("facts", one.name), user.pw_uid, user.pw_gid)


def make_entry_points(folder: Path) -> None:
    """The programs of Ansible's packages, as an installer of wheels makes them (packaging.python.org, "Entry points
    specification"): the bundle only unpacks."""
    for package in ("ansible-core", "ansible-runner"):
        for point in distribution(package).entry_points.select(group="console_scripts"):
            call = point.attr.replace(":", ".")
            lines = f"import sys\nfrom {point.module} import {call.partition('.')[0]}\nsys.exit({call}())\n"
            write_whole(folder / point.name, f"#!{folder}/python -B\n{lines}", 0o755)


def make_programs(folder: Path, prefix: Path, current: Path) -> None:
    """In ``folder``, of the version in ``prefix``, to which ``current`` points from now on."""
    new = current.with_name("current.new")
    new.unlink(missing_ok=True)
    new.symlink_to(prefix)
    new.replace(current)
    for name, line in PROGRAMS.items():
        write_whole(folder / name, f"#!/bin/sh\n{line}\n", 0o755)
    for name, target in LINKS.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)


def _start_units(units: dict[str, str]) -> None:
    for name, text in units.items():
        folder = Path(
            "/etc/tmpfiles.d"
            if name.startswith("homeprod-tmpfiles") or name.endswith(".conf")
            else "/etc/systemd/system"
        )
        write_whole(folder / name, text, 0o644)
    _run("systemd-tmpfiles", "--create", *(name for name in units if name.endswith(".conf")))
    _run("systemctl", "daemon-reload")
    starting = list_services(units)
    _run("systemctl", "enable", *starting)
    # Not waited for: it takes a while, and nothing needs it.
    _run("systemctl", "restart", "--no-block", *(name for name in starting if name == COMPILING))
    _run("systemctl", "restart", *(name for name in starting if name != COMPILING))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise ControlError(f"{command[0]} failed: {words[-1]}", where=" ".join(command))
