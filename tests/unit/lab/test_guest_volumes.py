"""Disks of a lab that boots machines, made from images of every format that a site can pin. Needs qemu-img alone."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab.guest.volumes import QcowVolumes

MIB = 1024**2
CONTENT = b"the first sector and more".ljust(4 * MIB, b"\0")


def run(*argv: str | Path) -> None:
    subprocess.run([str(word) for word in argv], check=True, timeout=60, capture_output=True)


def make_image(folder: Path, kind: str, *options: str) -> Path:
    raw = folder / "content"
    raw.write_bytes(CONTENT)
    image = folder / "volumes" / "local" / "import" / f"image.{kind}"
    image.parent.mkdir(parents=True)
    run("qemu-img", "convert", "-f", "raw", "-O", kind, *options, raw, image)
    return image


def take(folder: Path, image: Path) -> tuple[QcowVolumes, int]:
    volumes = QcowVolumes(folder / "volumes")
    return volumes, asyncio.run(volumes.import_from("local:100/vm-100-disk-0.raw", image))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("raw", ()),
        ("qcow2", ("-c", "-o", "compression_type=zstd")),
        ("vmdk", ()),
        ("vmdk", ("-o", "subformat=streamOptimized")),
    ],
)
def test_a_disk_has_the_content_of_its_image_and_keeps_it(
    tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    volumes, size = take(tmp_path, make_image(tmp_path, kind, *options))
    assert size == len(CONTENT)
    asyncio.run(volumes.grow("local:100/vm-100-disk-0.raw", 8 * MIB))
    (tmp_path / "volumes" / "local" / "import" / f"image.{kind}").unlink()
    disk = volumes.path("local:100/vm-100-disk-0.raw")
    run("qemu-img", "convert", "-O", "raw", disk, tmp_path / "read")
    assert (tmp_path / "read").read_bytes() == CONTENT.ljust(8 * MIB, b"\0")


@pytest.mark.parametrize(
    "make",
    [
        ("-f", "qcow2", "-b", "secret", "-F", "raw"),
        ("-f", "qcow2", "-o", "data_file=secret,data_file_raw=on"),
        ("-f", "vmdk", "-o", "subformat=monolithicFlat"),
    ],
    ids=["backing file", "data file", "extents"],
)
def test_an_image_never_brings_another_file_in(tmp_path: Path, make: tuple[str, ...]) -> None:
    folder = tmp_path / "volumes" / "local" / "import"
    folder.mkdir(parents=True)
    (folder / "secret").write_bytes(CONTENT)
    subprocess.run(
        ["qemu-img", "create", *make, "image.img", *(["4M"] if "-b" not in make else [])],
        cwd=folder,
        check=True,
        timeout=60,
        capture_output=True,
    )
    with pytest.raises(LabError, match="an image that needs another file cannot be imported"):
        take(tmp_path, folder / "image.img")
