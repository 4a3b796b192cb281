"""What the machine under a lab can do: looked at before anything is begun, so that a lab fails early and in words."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.command import name_program
from homeprod.lab.image.cache import cache_folder, find_image
from homeprod.lab.image.disk import find_missing_programs
from homeprod.lab.spec import STAND_IN, LabSpec

_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
"""Programs that a lab which boots machines runs, and Debian's packages of them."""
_BUILD_PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "grub-mkimage": "grub-common",
    "unxz": "xz-utils",
}
MiB = 1024**2
MEMORY_NEED = 768 * MiB
"""Bytes: the smallest machine with an operating system, and QEMU around it."""
DISK_NEED, API_DISK_NEED, BUILD_NEED = 1024 * MiB, 64 * MiB, 3072 * MiB
"""Bytes free in the lab's folder: one that boots machines, one that boots none; and to build an image."""
_PROBE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Host:
    """``cores`` that this process may use, ``memory`` available now and ``disk`` free below the lab's folder, in
    bytes."""

    cores: int
    memory: int
    disk: int

    def describe(self) -> str:
        return f"{self.cores} cores, {self.memory // MiB} MiB of memory and {self.disk // MiB} MiB of disk free"


def read_host(folder: Path) -> Host:
    return Host(len(os.sched_getaffinity(0)), _read_memory(Path("/proc/meminfo").read_text()), _free(folder))


def _read_memory(meminfo: str) -> int:
    """MemAvailable (proc(5)), in bytes."""
    lines = (line.split() for line in meminfo.splitlines())
    return next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")


def _free(folder: Path) -> int:
    """Of the file system that the folder, or the nearest one above it that is there, lies on."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def check_host(spec: LabSpec, folder: Path, *, has_machines: bool = False) -> Host:
    """Raises LabError for the first thing that stands in the way. Machines that run already have their memory."""
    host = read_host(folder)
    if spec.boot:
        require_root(spec.name)
        _check_programs(spec)
        _check_namespaces(spec.name)
        if not has_machines:
            _check_memory(host, spec.name)
    _check_disk(host.disk, DISK_NEED if spec.boot else API_DISK_NEED, folder, "XDG_STATE_HOME")
    if spec.boot and _lacks_image(spec):
        _check_disk(_free(cache_folder()), BUILD_NEED, cache_folder(), "XDG_CACHE_HOME")
    return host


def require_root(name: str, command: str = "lab up") -> None:
    if os.geteuid() == 0:
        return
    keeps = "--preserve-env=SSH_AUTH_SOCK " if command == "rehearse" else ""  # it signs with the person's agent
    program = name_program(needs_root=True).replace("sudo ", f"sudo {keeps}", 1)
    hint = f"run it with sudo:\n\n  {program} {command} {name}"
    if command == "lab up":
        hint += (
            f"\n\nor keep to the API, which needs no root and boots nothing:\n\n  homeprod lab up {name} --no-boot"
        )
    raise LabError("a lab that boots machines makes a network namespace, and that needs root", hint=hint)


def _check_programs(spec: LabSpec) -> None:
    missing = {program: package for program, package in _PACKAGES.items() if shutil.which(program) is None}
    if _lacks_image(spec):
        missing |= {program: _BUILD_PACKAGES.get(program, program) for program in find_missing_programs()}
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise LabError(f"not installed: {', '.join(missing)}", hint=f"install them:\n\n  apt install {packages}")


def _lacks_image(spec: LabSpec) -> bool:
    """Whether one must be built. What a download needs is known when it begins."""
    recipes = {seed.stand_in for seed in spec.seeds} if spec.images == STAND_IN else set()
    return any(find_image(recipe) is None for recipe in recipes)


def _check_namespaces(name: str) -> None:
    """Root in a container may still not make a network namespace (it lacks CAP_SYS_ADMIN): tried, not guessed."""
    done = subprocess.run(
        ("unshare", "--net", "--", "true"), capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
    )
    if done.returncode:
        raise LabError(
            f"network namespaces are forbidden here: {done.stderr.strip().removeprefix('unshare: ')}",
            hint="in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN; or keep to the API, which boots nothing:"
            f"\n\n  homeprod lab up {name} --no-boot",
        )


def _check_memory(host: Host, name: str) -> None:
    if host.memory < MEMORY_NEED:
        raise LabError(
            f"{host.memory // MiB} MiB of memory available, one machine needs {MEMORY_NEED // MiB} MiB",
            hint="end what takes memory; or keep to the API, which boots nothing:"
            f"\n\n  homeprod lab up {name} --no-boot",
        )


def _check_disk(free: int, need: int, folder: Path, variable: str) -> None:
    if free < need:
        raise LabError(
            f"{free // MiB} MiB of disk free, {need // MiB} MiB are needed",
            where=str(folder),
            hint=f"free some space, or set {variable} to a folder on a larger disk",
        )


def check_port(port: int) -> None:
    """Raises LabError where somebody listens at the port already (0 is nobody's)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            words = "is for root alone" if isinstance(error, PermissionError) else "is taken"
            raise LabError(
                f"port {port} {words}",
                where=f"127.0.0.1:{port}",
                hint="name another one with --port, or leave --port out: a free one is found then",
            ) from error
