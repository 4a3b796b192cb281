"""Debian 13's own nginx and OpenSSL, with its own libraries, on hosts of a test's own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.hosts import Host
from tests.nginx_process import LIMIT

from homeprod.lab.image.cache import ensure

_COMMAND = (
    "mmdebstrap", "--mode=root", "--variant=extract", "--format=tar", "--architectures=amd64", "--components=main",
    "--include=base-files,libnginx-mod-stream,nginx,openssl", "--dpkgopt=path-exclude=/usr/share/doc/*",
)  # fmt: skip
"""Unpacked, not installed: no script of a package is run, so it takes seconds."""
_USERS = "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n"


def fetch_tree() -> Path:
    """As a tar file, kept beside the lab's images; the first time needs root and the network. Raises LabError."""
    name = f"debian-13-nginx-{hashlib.sha256(' '.join(_COMMAND).encode()).hexdigest()[:16]}.tar"
    return ensure(name, _make_tree, lambda _: None)


def _make_tree(target: Path) -> None:
    part = target.with_name(f".{target.name}")
    part.unlink(missing_ok=True)
    done = subprocess.run((*_COMMAND, "trixie", str(part)), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    part.replace(target)


class Machine:
    """A machine with nothing but that nginx, as the host that it is given."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.root, self.host = folder, host
        folder.mkdir()
        subprocess.run(("tar", "-xf", str(fetch_tree()), "-C", str(folder)), check=True, timeout=LIMIT * 6)
        # What the packages' own scripts would do.
        (folder / "etc/passwd").write_text(_USERS)
        (folder / "etc/group").write_text("root:x:0:\nwww-data:x:33:\n")
        for place in ("var/lib/nginx", "var/log/nginx"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        enabled = folder / "etc/nginx/modules-enabled"
        enabled.mkdir(parents=True, exist_ok=True)
        if not list(enabled.iterdir()):
            (enabled / "50-mod-stream.conf").symlink_to("/usr/share/nginx/modules-available/mod-stream.conf")
        authorities = folder / "etc/ssl/certs/ca-certificates.crt"
        authorities.parent.mkdir(parents=True, exist_ok=True)
        authorities.touch()
        self._nginx: subprocess.Popen[bytes] | None = None

    def run(self, *argv: str, given: str = "") -> str:
        """What it says, on both outputs; it must do well."""
        done = self.host.call(
            subprocess.run, ("chroot", str(self.root), *argv), input=given, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return str(done.stdout)

    def write(self, text: str) -> None:
        (self.root / "etc/nginx/nginx.conf").write_text(text)

    def start(self, port: int) -> None:
        command = ("chroot", str(self.root), "nginx", "-g", "daemon off;")
        self._nginx = self.host.call(subprocess.Popen, command)
        deadline = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(OSError), self.host.call(socket.create_connection, ("127.0.0.1", port), 1):
                return
            assert self._nginx.poll() is None, (self.root / "var/log/nginx/error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def close(self) -> None:
        if self._nginx is not None:
            self._nginx.terminate()
            self._nginx.wait(LIMIT)
        shutil.rmtree(self.root)


@contextlib.contextmanager
def open_machines(folder: Path, hosts: dict[str, Host]) -> Iterator[dict[str, Machine]]:
    assert os.geteuid() == 0
    with contextlib.ExitStack() as stack:
        machines = {}
        for name, host in hosts.items():
            machines[name] = Machine(folder / name, host)
            stack.callback(machines[name].close)
        yield machines
