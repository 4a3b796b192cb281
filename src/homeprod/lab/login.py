"""A login in a machine: the real ssh, inside the lab's network."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.census import LabMachine
from homeprod.lab.folder import LabFolder
from homeprod.lab.lan import Lan
from homeprod.lab.spec import LabSpec

USER = "ansible"
"""Who is logged in where neither ``--user``, nor the site, nor a key of the lab says it."""


def make_login(
    lab: LabFolder,
    spec: LabSpec,
    machine: LabMachine,
    user: str,
    command: Sequence[str],
    *,
    has_terminal: bool = False,
) -> list[str]:
    """The command line that logs in; ``command`` empty for a shell, ``has_terminal`` for one that wants a terminal.
    Raises LabError."""
    for program in ("ssh", "nsenter"):
        if shutil.which(program) is None:
            raise LabError(
                f"{program} is not installed", hint="install it:\n\n  apt install openssh-client util-linux"
            )
    known = _list_users(lab)
    who = user or _choose_user(spec.people.get(machine.name, ()), known)
    options = {
        # A machine that was made anew has a new key, and that is no cause for alarm: its birth is part of its name.
        "HostKeyAlias": f"{machine.name}-{machine.vmid}-{machine.born}",
        "UserKnownHostsFile": str(lab.path / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "accept-new",
        "ConnectTimeout": "20",
        "LogLevel": "ERROR",
    }
    argv = ["ssh", *(word for name, value in options.items() for word in ("-o", f"{name}={_quote(value)}"))]
    for key in _find_keys(lab, who):
        argv += ["-i", str(key)]
    if who in known:
        argv += ["-o", "IdentitiesOnly=yes"]
    argv += ["-t"] * has_terminal
    argv += ["-l", who, "--", find_address(spec, machine.name), *command]
    return Lan(spec, lab.path).enter(argv)


def _choose_user(people: Sequence[str], known: Sequence[str]) -> str:
    """One of the machine's own people, best one whose key the lab has."""
    both = [name for name in people if name in known]
    return next(iter((*both, *people, *known)), USER)


def _quote(value: str) -> str:
    """As ssh_config(5) reads a value with spaces."""
    return f'"{value}"' if " " in value else value


def _list_users(lab: LabFolder) -> list[str]:
    if not lab.keys.is_dir():
        return []
    return sorted(file.name for file in lab.keys.iterdir() if file.suffix != ".pub" and file.is_file())


def _find_keys(lab: LabFolder, user: str) -> list[Path]:
    """The lab's own key for the user; else none, so that ssh takes the caller's. Under sudo the caller is who typed
    it, not root."""
    own = lab.keys / user
    if own.is_file():
        return [own]
    caller = os.environ.get("SUDO_USER", "")
    if not caller:
        return []
    folder = Path(pwd.getpwnam(caller).pw_dir) / ".ssh"
    return [file for name in ("id_ed25519", "id_ecdsa", "id_rsa") if (file := folder / name).is_file()]


def find_address(spec: LabSpec, name: str) -> str:
    """The first address that the lab's DNS knows of the machine. Raises LabError."""
    addresses = spec.hosts.get(name, ())
    if addresses:
        return addresses[0]
    raise LabError(
        f"no address of {name} is known",
        where=f"lab {spec.name}",
        hint=f"its address is in no site that this lab was made from; take the console:"
        f"\n\n  homeprod lab console {spec.name} {name}",
    )
