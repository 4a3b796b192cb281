"""The real compose, Debian 13's: kept beside the lab's images, and put on a test's PATH."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

from homeprod.lab.image.cache import ensure

_COMMAND = (
    "mmdebstrap", "--mode=root", "--variant=extract", "--format=tar", "--architectures=amd64", "--components=main",
    "--include=docker-compose", "--dpkgopt=path-exclude=/usr/share/*",
)  # fmt: skip
"""Unpacked, not installed."""
_PROGRAM = "usr/libexec/docker/cli-plugins/docker-compose"


def lay_down_compose(folder: Path) -> Path:
    """As the program ``docker-compose`` in that folder; the first time needs root and the network."""
    name = f"debian-13-compose-{hashlib.sha256(' '.join(_COMMAND).encode()).hexdigest()[:16]}"
    program = folder / "docker-compose"
    program.symlink_to(ensure(name, _fetch, lambda _: None))
    return program


def _fetch(target: Path) -> None:
    archive, part = target.with_name(f".{target.name}.tar"), target.with_name(f".{target.name}")
    archive.unlink(missing_ok=True)
    try:
        done = subprocess.run((*_COMMAND, "trixie", str(archive)), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        with tarfile.open(archive) as tar:
            member = tar.extractfile(f"./{_PROGRAM}")
            assert member is not None
            part.write_bytes(member.read())
        part.chmod(0o755)
        part.replace(target)
    finally:
        archive.unlink(missing_ok=True)
