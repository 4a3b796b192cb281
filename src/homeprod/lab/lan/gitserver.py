"""The lab's git server: OpenSSH's own sshd on the gateway, for the user ``git`` alone, by deploy keys.

It runs while the lab is up and has a repository. ``git`` is no user of this machine: nss_wrapper(1) tells this one
sshd of it. What it runs for a key is ``serve.sh`` and nothing else, as whoever runs the lab.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections import defaultdict
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.lan.namespace import Namespace, run
from homeprod.lab.process import ProcessMark
from homeprod.lab.repository.store import Store

USER = "git"
PORT = 22
_SERVE = Path(__file__).parents[1] / "repository" / "serve.sh"
_PRIVILEGE_FOLDER = Path("/run/sshd")
"""Compiled into sshd, which as root does not start without it. Debian's own unit makes it the same way."""


class GitServer:
    """Of the lab whose folder is ``state``. Nothing is held between calls, so that of a killed lab is found again."""

    def __init__(self, state: Path, namespace: Namespace) -> None:
        self.store = Store(state)
        self._namespace = namespace
        self._folder = self.store.folder

    @property
    def _mark(self) -> Path:
        return self._folder / "sshd.json"

    @property
    def _configuration(self) -> Path:
        return self._folder / "sshd_config"

    def is_up(self) -> bool:
        mark = ProcessMark.read(self._mark)
        return mark is not None and mark.is_alive()

    def up(self, addresses: list[str], port: int = PORT) -> None:
        """Serve at ``addresses``, where there is something to serve; what runs as it should is kept. Keys are read at
        every login, so a new one needs no restart. Raises LabError."""
        if not self.store.list_names() or not addresses:
            return self.down()
        find_sshd()
        self.write_keys()
        wanted = self._describe(addresses, port)
        if self.is_up() and self._configuration.exists() and self._configuration.read_text() == wanted:
            return None
        self.down()
        self._write_users()
        self._configuration.write_text(wanted)
        return self._start()

    def down(self) -> None:
        """Nothing happens where none runs."""
        mark = ProcessMark.read(self._mark) or self._find()
        if mark is not None:
            mark.end()
        self._mark.unlink(missing_ok=True)

    def write_keys(self) -> None:
        """Tell sshd the deploy keys as they are now: one line for a key, with all that it reads."""
        names: dict[str, list[str]] = defaultdict(list)
        for name in self.store.list_names():
            for key in self.store.read_keys(name):
                names[key].append(name)
        lines = [f'restrict,command="{self._command(read)}" {key}\n' for key, read in sorted(names.items())]
        half = self._folder / "authorized_keys.half"
        half.write_text("".join(lines))
        half.rename(self._folder / "authorized_keys")

    def _command(self, names: list[str]) -> str:
        command = shlex.join(["/bin/sh", str(_SERVE), str(self._folder), *names])
        return command.replace("\\", "\\\\").replace('"', '\\"')

    def ensure_host_key(self) -> str:
        """The server's public host key, made once for the lab. Raises LabError."""
        file = self._folder / "host_key"
        if not file.exists():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", USER, "-f", str(file))
        return " ".join(file.with_suffix(".pub").read_text().split()[:2])

    def _describe(self, addresses: list[str], port: int) -> str:
        """sshd_config(5)."""
        self.ensure_host_key()
        lines = [f"ListenAddress {_bracket(address)}:{port}" for address in addresses]
        lines += [f"HostKey {_quote(self._folder / 'host_key')}", f"PidFile {_quote(self._folder / 'sshd.pid')}"]
        keys = str(self._folder / "authorized_keys").replace("%", "%%")
        lines += [f"AuthorizedKeysFile {_quote(keys)}", f"AllowUsers {USER}"]
        lines += ["AuthenticationMethods publickey", "PermitRootLogin forced-commands-only", "UsePAM no"]
        lines += ["DisableForwarding yes", "PermitTTY no", "PermitUserRC no", "AcceptEnv GIT_PROTOCOL"]
        if _read_version(find_sshd()) >= (9, 8):
            # A node that asks before it was authorized would be turned away for minutes afterwards.
            lines += ["PerSourcePenalties no"]
        lines += ["PrintMotd no", "PrintLastLog no", "LoginGraceTime 30", "LogLevel VERBOSE"]
        return "\n".join(lines) + "\n"

    def _write_users(self) -> None:
        """passwd(5) and group(5) as this sshd sees them: ``git``, and whom it becomes before a login."""
        user, group = os.geteuid(), os.getegid()
        users = [f"{USER}:x:{user}:{group}:the lab's git:{self._folder}:/bin/sh"]
        users += ["sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin"]
        (self._folder / "passwd").write_text("\n".join(users) + "\n")
        (self._folder / "group").write_text(f"{USER}:x:{group}:\nnogroup:x:65534:\n")

    def _start(self) -> None:
        if os.geteuid() == 0:
            _PRIVILEGE_FOLDER.mkdir(mode=0o755, exist_ok=True)
        (self._folder / "sshd.pid").unlink(missing_ok=True)
        settings = [
            "LD_PRELOAD=libnss_wrapper.so",
            f"NSS_WRAPPER_PASSWD={self._folder / 'passwd'}",
            f"NSS_WRAPPER_GROUP={self._folder / 'group'}",
        ]
        log = self._folder / "sshd.log"
        self._namespace.run("env", *settings, find_sshd(), "-f", str(self._configuration), "-E", str(log))
        mark = self._await_mark()
        if mark is None:
            raise LabError(
                "the lab's git server ended at once", where=str(self._folder), hint=f"what it said is in {log}"
            )
        mark.write(self._mark)

    def _await_mark(self) -> ProcessMark | None:
        """sshd writes its number only when it listens, a moment after its starter has returned."""
        for _ in range(100):
            mark = self._find()
            if mark is not None:
                return mark
            time.sleep(0.05)
        return None

    def _find(self) -> ProcessMark | None:
        """An sshd whose starter was killed before it wrote the mark: known by its arguments."""
        try:
            pid = int((self._folder / "sshd.pid").read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return ProcessMark.of(pid) if str(self._configuration).encode() in arguments else None


def find_sshd() -> str:
    """Raises LabError where what the server needs is not installed."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None or not any(Path("/").glob("usr/lib*/**/libnss_wrapper.so")):
        raise LabError(
            "the lab's git server needs sshd and nss_wrapper",
            hint="install them; the machine's own sshd need not run:\n\n  apt install openssh-server libnss-wrapper",
        )
    return found


def _read_version(sshd: str) -> tuple[int, int]:
    """Of OpenSSH; (0, 0) where it says none. Releases before 9.3 say it beside an error."""
    said = subprocess.run((sshd, "-V"), capture_output=True, text=True, timeout=30, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _bracket(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _quote(path: Path | str) -> str:
    """A path with spaces is one word."""
    return f'"{path}"'
