"""Builds the bundle: an ISO with homeprod and all it needs, for the Python of a control node.

The packages are those of the lock file, by their hashes, fetched by pip for the guest's Python and unpacked here: a
control node needs no package index, and no compiler. ``HOMEPROD_BUNDLE`` names an ISO that was built elsewhere.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pycdlib

from homeprod import __version__
from homeprod.cloudinit.userdata import BUNDLE_LABEL
from homeprod.core.errors import HomeprodError
from homeprod.site.bundle import LOCK_FILE, PACKAGE, PYTHONS, identify_bundle, list_sources

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_34_x86_64")
"""Debian 13 has glibc 2.41."""
LIMIT = 900.0
"""Seconds for pip to fetch what is not here yet."""
_LEFT_OUT = ("ansible_test/",)
"""What no control node runs."""
_BROKEN = re.compile(r"connection broken by '(.*)': /")
_WRAPPING = re.compile(r"""^\w+\(['"]|['"]\)$""")
"""Of an exception's words, as Python shows it."""
_ELSEWHERE = f"""\
make it with this very homeprod ({__version__}, the same commit) on a machine that reaches the package index, and copy
the file here:

  homeprod control bundle --to homeprod-bundle.iso

then say here where it is:

  export HOMEPROD_BUNDLE="$PWD/homeprod-bundle.iso\""""
Say = Callable[[str], None]


def bring_bundle(file: str, say: Say, *, env: Mapping[str, str] = os.environ) -> Path:
    """The ISO to be stored as ``file``, built where it is not in the cache. Raises HomeprodError."""
    if given := env.get("HOMEPROD_BUNDLE"):
        if not Path(given).is_file():
            raise HomeprodError("there is no such bundle", where=given, hint="HOMEPROD_BUNDLE names it; unset it")
        return Path(given)
    folder = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "homeprod" / "bundles"
    folder.mkdir(parents=True, exist_ok=True)
    iso = folder / f"{identify_bundle()}.iso"
    with _locked(folder / "lock"):
        if not iso.exists():
            say(f"building {file}")
            _drop_others(folder, iso)
            _write_iso(iso, _fetch_wheels(folder, say))
    return iso


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Of several at once one builds, and the others wait for it."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _drop_others(folder: Path, iso: Path) -> None:
    """Each is of a version that is gone, and quickly made again from the wheels."""
    for other in folder.glob("*.iso*"):
        if other != iso:
            other.unlink()


def _fetch_wheels(folder: Path, say: Say) -> list[Path]:
    """What the lock file names, each file verified by pip. Raises HomeprodError."""
    python = next(iter(PYTHONS.values()))
    wheels = folder / f"wheels-{python}-{hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:12]}"
    if not (wheels / "whole").exists():
        say(f"fetching the packages that it holds, for Python {python}")
        platforms = [word for name in PLATFORMS for word in ("--platform", name)]
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
            *("--no-deps", "--require-hashes", "-r", str(LOCK_FILE), "--dest", str(wheels)),
            *("--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *platforms),
        ]
        _run_pip(command)
        (wheels / "whole").touch()
    return sorted(wheels.glob("*.whl"))


def _run_pip(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise HomeprodError(f"pip did not end within {LIMIT:.0f} s", hint=_ELSEWHERE) from error
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        hint = f"install it:\n\n  uv pip install --python {sys.executable} pip"
        raise HomeprodError("pip, which fetches the bundle's packages, is not installed beside homeprod", hint=hint)
    raise HomeprodError(f"cannot fetch the bundle's packages: {_explain(done.stderr)}", hint=_ELSEWHERE)


def _explain(said: str) -> str:
    """pip's last word; where it found nothing because nobody answered it says so before, and only as a warning."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if not line.startswith("WARNING")]
    last = (errors or ["pip failed"])[-1]
    broken = [found[1] for line in lines if (found := _BROKEN.search(line))]
    if not broken or "No matching distribution" not in last:
        return last
    cause = _WRAPPING.sub("", broken[-1]).rpartition(">: ")[2]
    return f"the package index does not answer: {cause[:300]}"


def _write_iso(iso: Path, wheels: list[Path]) -> None:
    """Whole or not at all."""
    files = {
        "install.sh": (Path(__file__).with_name("install.sh")).read_bytes(),
        "id": f"{identify_bundle()}\n".encode(),
        "version": f"{__version__}\n".encode(),
        "bundle.tar.gz": _pack(wheels),
    }
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=BUNDLE_LABEL)
    for number, (name, data) in enumerate(sorted(files.items())):
        image.add_fp(io.BytesIO(data), len(data), f"/F{number}.;1", rr_name=name, joliet_path=f"/{name}")
    part = iso.with_suffix(".iso.part")
    image.write(str(part))
    image.close()
    part.replace(iso)


def _pack(wheels: list[Path]) -> bytes:
    """A gzipped tar of what goes into site-packages; the same bytes from the same files."""
    target = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                for name in sorted(archive.namelist()):
                    if place := _place(name):
                        _add(tar, place, archive.read(name))
        for file in list_sources():
            _add(tar, f"homeprod/{file.relative_to(PACKAGE).as_posix()}", file.read_bytes())
    return target.getvalue()


def _place(name: str) -> str:
    """Where a wheel's file goes in site-packages (the binary distribution format of packaging.python.org); empty for
    what goes elsewhere, or nowhere."""
    first, _, rest = name.partition("/")
    if first.endswith(".data"):
        kind, _, name = rest.partition("/")
        if kind not in ("purelib", "platlib"):
            return ""
    return "" if name.endswith("/") or name.startswith(_LEFT_OUT) else name


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """What begins with ``#!`` is a program; not every way of installing homeprod keeps that of its files."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o755 if data.startswith(b"#!") else 0o644
    tar.addfile(entry, io.BytesIO(data))
