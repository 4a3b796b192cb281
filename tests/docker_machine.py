"""A Debian 13 with a dockerd of the test's own: root, processes, network and mounts apart from this machine's.

Nothing is booted: it is this machine's kernel, and all of it ends with the process that holds it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import homeprod
from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.program import build_program
from homeprod.lab.image.cache import ensure

ROLE = Path(homeprod.__file__).parent / "ansible/collections/ansible_collections/homeprod/site/roles/app_host"
LIMIT = 90.0
"""Seconds for what takes one or two where nobody else is at work."""
_PACKAGES = (
    "docker.io", "docker-cli", "docker-compose", "docker-registry", "iptables", "iproute2", "busybox-static", "git",
    "gpg", "gpg-agent", "openssh-client", "procps", "python3", "python3-yaml",
)  # fmt: skip
_COMMAND = (
    "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--architectures=amd64",
    "--components=main", '--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "i18n")),
    f"--include={','.join(_PACKAGES)}",
)  # fmt: skip
_ENTER = """\
set -eu
own=$1 tree=$2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$own/upper,workdir=$own/work" "$own/root"
cd "$own/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p var/lib/docker srv usr/local/lib/homeprod-apps old
mount --bind "$own/docker" var/lib/docker
mount --bind "$own/srv" srv
mount --bind "$own/programs" usr/local/lib/homeprod-apps
pivot_root . old
umount -l old
ip link set lo up
echo ready
exec cat
"""
HARBORMASTER = ("docker-harbormaster", "attrs", "click", "click-help-colors", "ruamel.yaml")


REGISTRY = "127.0.0.1:5000"
"""In the machine; docker takes one on loopback without TLS."""


def fetch_tree() -> Path:
    """Kept beside the lab's images; the first time needs root and the network, and some minutes. Raises LabError."""
    name = f"debian-13-docker-{hashlib.sha256(' '.join(_COMMAND).encode()).hexdigest()[:16]}"
    return ensure(name, _make_tree, lambda _: None)


def _make_tree(target: Path) -> None:
    part = target.with_name(f".{target.name}")
    shutil.rmtree(part, ignore_errors=True)
    done = subprocess.run((*_COMMAND, "trixie", str(part)), capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    part.rename(target)


class DockerMachine:
    """``srv`` is its ``/srv``, to be written from outside too."""

    def __init__(self, folder: Path) -> None:
        assert os.geteuid() == 0, "namespaces and a dockerd need root"
        self.folder = folder
        for name in ("upper", "work", "root", "docker", "srv", "programs"):
            (folder / name).mkdir(parents=True)
        self.srv = folder / "srv"
        self.cgroup = f"homeprod-{uuid.uuid4().hex[:8]}"
        """Of its containers, below this machine's own root: the one thing that a namespace does not take with it."""
        self._started: list[subprocess.Popen[bytes]] = []
        space = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child")
        command = ("unshare", *space, "sh", "-c", _ENTER, "sh", str(folder), str(fetch_tree()))
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        [inside] = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        spaces = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup")
        # Its root is told too: of a mount namespace alone it is the one of before, where the tests run in a chroot.
        self._enter = ("nsenter", "--target", inside, *spaces, "--root", "--wd", "--")

    def enter(self, *argv: str) -> tuple[str, ...]:
        return (*self._enter, *argv)

    def run(self, *argv: str, given: str | bytes = b"", **variables: str) -> str:
        """What it prints; it must do well."""
        done = self.try_to(*argv, given=given, **variables)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_to(self, *argv: str, given: str | bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
        data = given.encode() if isinstance(given, str) else given
        done = subprocess.run(
            self.enter(*argv),
            input=data,
            capture_output=True,
            timeout=LIMIT,
            check=False,
            env=_ENVIRONMENT | variables,
        )
        said = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(argv, done.returncode, *said)

    def start(self, *argv: str, **variables: str) -> subprocess.Popen[bytes]:
        """In the background; it ends with the machine."""
        with (self.folder / f"{Path(argv[0]).name}.log").open("ab") as log:
            started = subprocess.Popen(
                self.enter(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENVIRONMENT | variables
            )
        self._started.append(started)
        return started

    def start_docker(self) -> None:
        options = ("--host", "unix:///run/docker.sock", "--storage-driver", "overlay2")
        self.dockerd = self.start("dockerd", *options, "--cgroup-parent", f"/{self.cgroup}")
        self.wait_for("docker", "version")

    def start_registry(self) -> None:
        """At ``REGISTRY``; what is pushed is on the disk until the machine ends."""
        configuration = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": "/srv/registry"}},
            "http": {"addr": REGISTRY},
        }
        (self.srv / "registry.json").write_text(json.dumps(configuration))
        self.registry = self.start("docker-registry", "serve", "/srv/registry.json")
        self.wait_for("python3", "-c", f"import urllib.request as u; u.urlopen('http://{REGISTRY}/v2/')")

    def wait_for(self, *argv: str) -> None:
        deadline = time.monotonic() + LIMIT
        while self.try_to(*argv).returncode:
            assert time.monotonic() < deadline, f"{argv}\n{self._read_logs()}"
            time.sleep(0.1)

    def _read_logs(self) -> str:
        return "".join(file.read_text(errors="replace")[-3000:] for file in sorted(self.folder.glob("*.log")))

    def install_keeper(self) -> None:
        """As the role does."""
        lay_down_programs(self.folder / "programs")

    def docker(self, *arguments: str) -> str:
        return self.run("docker", *arguments)

    def import_image(self, name: str, text: str) -> None:
        """Of nothing but busybox, and a page that says ``text``; in the registry too."""
        script = (
            'set -e; cd "$(mktemp -d)"; mkdir -p bin page tmp; cp /bin/busybox bin/; cat >page/index.html; '
            "for name in sh httpd sleep wget true false cat; do ln -s busybox bin/$name; done; "
            'tar -c . | docker import - "$1"'
        )
        self.run("sh", "-c", script, "sh", name, given=text)
        self.docker("push", "--quiet", name)

    def list_containers(self) -> dict[str, str]:
        """Identifiers of those that run, by their names."""
        lines = self.docker("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}").splitlines()
        return dict(line.split(" ") for line in lines)  # two words a line

    def inspect(self, container: str) -> dict[str, Any]:
        [found] = json.loads(self.docker("inspect", container))
        return dict(found)

    def close(self) -> None:
        assert self._holder.stdin is not None
        if containers := self.try_to("docker", "ps", "--all", "--quiet").stdout.split():
            self.try_to("docker", "rm", "--force", *containers)
        self._holder.communicate(timeout=LIMIT)
        for started in self._started:
            started.wait(LIMIT)
        shutil.rmtree(self.folder)
        for pattern in (self.cgroup, f"*/{self.cgroup}"):
            for group in Path("/sys/fs/cgroup").glob(pattern):
                group.rmdir()


_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
}


def lay_down_programs(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    package = {"homeprod_apps": ROLE / "files" / "homeprod_apps"}
    for name, data in {
        "homeprod-apps": build_program("homeprod_apps.__main__:main", package, ()),
        "harbormaster.pyz": build_program("docker_harbormaster.cli:cli", {}, HARBORMASTER),
        "bin/docker": (ROLE / "files" / "bin" / "docker").read_bytes(),
    }.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o755)


@contextlib.contextmanager
def open_docker_machine(folder: Path) -> Iterator[DockerMachine]:
    machine = DockerMachine(folder)
    try:
        machine.start_docker()
        machine.start_registry()
        machine.install_keeper()
        yield machine
    finally:
        machine.close()


if __name__ == "__main__":
    sys.stdout.write(f"{fetch_tree()}\n")
