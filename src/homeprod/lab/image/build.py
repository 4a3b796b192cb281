"""A recipe made into a bootable qcow2 image: mmdebstrap, then ``disk.py``."""

from __future__ import annotations

import os
import shlex
import shutil
import uuid
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.command import Progress, run_command
from homeprod.lab.image.disk import DiskLayout, find_missing_programs, make_disk, measure_tree
from homeprod.lab.image.recipe import Recipe
from homeprod.lab.image.scratch import make_scratch

KERNEL_ARGUMENTS = (
    "rw console=ttyS0,115200 quiet loglevel=4 rootflags=noinit_itable mitigations=off audit=0 lsm=capability"
    " random.trust_cpu=on tsc=reliable nowatchdog panic=5"
)
"""Mitigations cost much under emulation, and a lab's machines run nothing that their owner did not put there.
After a panic, which emulation on a busy machine may bring about, a machine boots again. ``noinit_itable`` keeps a
grown root from zeroing inode tables for minutes."""
_SPARE = 1024**3
"""Bytes left free in the image, before a machine grows its root."""
_EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
_SCRATCH_NEED = 2 * 1024**3


def build_image(recipe: Recipe, target: Path, on_progress: Progress) -> None:
    """Build ``recipe`` into the qcow2 file ``target`` (written last, in one rename).

    Needs root: the tree holds files of many owners. Takes 1 to 2 minutes and the network. Raises LabError.
    """
    _check_host(target.parent)
    with make_scratch(target.parent) as folder:
        tree = folder / "tree"
        _install_packages(recipe, tree, on_progress)
        layout = plan_layout(measure_tree(tree))
        write_boot_files(tree, layout)
        on_progress("making the disk: ext4, GPT, GRUB")
        make_disk(tree, folder / "disk.raw", layout)
        on_progress("writing the qcow2 image")
        _convert(folder / "disk.raw", folder / "disk.qcow2")
        _publish(folder / "disk.qcow2", target)


def _check_host(folder: Path) -> None:
    if os.geteuid() != 0:
        raise LabError("building an image needs root", hint="run it with sudo")
    missing = find_missing_programs()
    if missing:
        raise LabError(f"not installed: {', '.join(missing)}", hint="run make setup, which installs them")
    free = shutil.disk_usage(folder).free
    if free < _SCRATCH_NEED:
        raise LabError(
            f"{free // 1024**2} MiB free, an image needs {_SCRATCH_NEED // 1024**2} MiB to build",
            where=str(folder),
            hint="free some space, or set XDG_CACHE_HOME to a larger disk",
        )


def _install_packages(recipe: Recipe, tree: Path, on_progress: Progress) -> None:
    hooks = {name: f'sh {shlex.quote(str(recipe.folder / name))} "$1"' for name in ("essential.sh", "customize.sh")}
    run_command(
        (
            "mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", "--architectures=amd64",
            "--components=main",
            '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
            "--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={path}" for path in _EXCLUDED),
            f"--include={','.join(recipe.packages)}",
            f"--essential-hook={hooks['essential.sh']}", f"--customize-hook={hooks['customize.sh']}",
            recipe.suite, str(tree),
        ),
        lambda line: on_progress(line.removeprefix("I: ")),
    )  # fmt: skip


def plan_layout(tree_bytes: int) -> DiskLayout:
    """A disk with room to spare for ``tree_bytes``, in whole MiB."""
    size = tree_bytes + tree_bytes // 8 + _SPARE
    return DiskLayout(-(-size // 1024**2) * 1024**2, uuid.uuid4())


def write_boot_files(tree: Path, layout: DiskLayout) -> None:
    """fstab and grub.cfg of the image. The root is found by its UUID: the order of SCSI disks is not fixed."""
    (tree / "etc/fstab").write_text(f"UUID={layout.root_uuid} / ext4 defaults,noinit_itable 0 0\n")
    grub = tree / "boot/grub"
    grub.mkdir(parents=True, exist_ok=True)
    (grub / "grub.cfg").write_text(
        f"linux /vmlinuz root=UUID={layout.root_uuid} {KERNEL_ARGUMENTS}\ninitrd /initrd.img\nboot\n"
    )


def _convert(raw: Path, qcow2: Path) -> None:
    run_command(("qemu-img", "convert", "-W", "-m", "4", "-f", "raw", "-O", "qcow2", str(raw), str(qcow2)))


def _publish(file: Path, target: Path) -> None:
    """Give the finished file its name; on disk before that, so that not even a power cut leaves half an image
    under a name that is trusted."""
    file.chmod(0o644)
    with file.open("rb") as image:
        os.fsync(image.fileno())
    os.replace(file, target)  # noqa: PTH105 (atomic by intent, and named so)
