"""Canaries: secrets whose every trace is searched for, in files, disk images and the memory of processes.

Searched for as they are, in base64 at each of its three alignments, in hex and in UTF-16, so that a copy which went
through an encoder is found too. What is compressed or encrypted is not: unpack it first (an image's compressed
clusters are, by qemu-img).
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROBE = 24
"""Bytes of a form that are searched for: so many come by chance nowhere, and longer ones make it no surer."""
LEAST = 12
"""Bytes of a canary, below which its shortest form would be found by chance."""
CHUNK = 4 << 20


@dataclass(frozen=True)
class Canary:
    """``name`` says what it is in a finding; the value never stands in one. It begins with what nobody can know: of
    an age identity leave out ``AGE-SECRET-KEY-1``, of a PEM file take a line from its middle."""

    name: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, order=True)
class Finding:
    place: str
    canary: str
    form: str


def list_forms(value: bytes) -> dict[str, bytes]:
    """The ways in which it could stand somewhere, each cut to what is the same whatever stands around it."""
    forms = {"plain": value, "hex": value.hex().encode(), "HEX": value.hex().upper().encode()}
    with contextlib.suppress(UnicodeDecodeError):
        text = value.decode()
        forms |= {"utf-16-le": text.encode("utf-16-le"), "utf-16-be": text.encode("utf-16-be")}
    for shift in range(3):
        # The characters that hold bits of a neighbour are left out: 4 for each begun group of 3 bytes.
        coded = base64.b64encode(bytes(shift) + value)[4 if shift else 0 :]
        coded = coded[: (len(value) + shift) // 3 * 4 - (4 if shift else 0)]
        forms[f"base64+{shift}"] = coded
        forms[f"base64url+{shift}"] = coded.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


class Search:
    """For all canaries at once, some 30 MB a second."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._probes: dict[bytes, tuple[str, str]] = {}
        for canary in canaries:
            assert len(canary.value) >= LEAST, canary.name
            for form, coded in list_forms(canary.value).items():
                self._probes.setdefault(coded[:PROBE], (canary.name, form))

    def find_in(self, data: bytes, place: str) -> list[Finding]:
        return [Finding(place, *found) for probe, found in self._probes.items() if probe in data]

    def _find_in_parts(self, parts: Iterable[bytes], place: str) -> set[Finding]:
        """Of one stretch that comes in parts: what lies across a border is found too."""
        found: set[Finding] = set()
        tail = b""
        for part in parts:
            if part.count(0) < len(part):
                found |= {*self.find_in(tail + part, place)}
            tail = part[-2 * PROBE :]
        return found

    def find_in_file(self, file: Path) -> set[Finding]:
        """A block device or a sparse file too: holes are skipped."""
        found: set[Finding] = set()
        with file.open("rb", buffering=0) as stream:
            for start, end in _list_stretches(stream.fileno()):
                found |= self._find_in_parts(_read_stretch(stream.fileno(), start, end), str(file))
        return found

    def find_in_tree(self, folder: Path, *, but: Iterable[Path] = ()) -> set[Finding]:
        """Names and contents of all that lies below, but what lies below ``but``. Links are not followed."""
        left_out = tuple(but)
        found: set[Finding] = set()
        for path in sorted(folder.rglob("*")):
            if any(path.is_relative_to(one) for one in left_out):
                continue
            found |= {*self.find_in(os.fsencode(path), f"the name {path}")}
            if path.is_file() and not path.is_symlink():
                found |= self.find_in_file(path)
        return found

    def find_in_image(self, image: Path) -> set[Finding]:
        """What a machine sees of a disk image, its backing files and compressed clusters included. The machine must
        be off, or the image a copy."""
        with tempfile.TemporaryDirectory(prefix="canary-") as folder:
            raw = Path(folder) / "raw"
            subprocess.run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)], check=True, timeout=1800)
            return {Finding(str(image), one.canary, one.form) for one in self.find_in_file(raw)}

    def find_in_process(self, pid: int) -> set[Finding]:
        """Its memory, command line and environment; nothing where it has ended meanwhile."""
        found: set[Finding] = set()
        name = read_name(pid)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for what in ("cmdline", "environ"):
                content = Path(f"/proc/{pid}/{what}").read_bytes()
                found |= {*self.find_in(content, f"{what} of {name}")}
            found |= self._find_in_memory(pid, f"memory of {name}")
        return found

    def _find_in_memory(self, pid: int, place: str) -> set[Finding]:
        found: set[Finding] = set()
        descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        try:
            for start, end in _list_mappings(pid):
                found |= self._find_in_parts(_read_stretch(descriptor, start, end), place)
        finally:
            os.close(descriptor)
        return found

    def find_in_processes(self, pids: Iterable[int]) -> set[Finding]:
        return {finding for pid in pids for finding in self.find_in_process(pid)}


def read_name(pid: int) -> str:
    """What a process is called, with its number."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        words = [b"?"]
    program = next((word for word in words[1:] if word.startswith(b"homeprod.")), words[0].rpartition(b"/")[2])
    return f"{program.decode(errors='replace')} ({pid})"


def list_family(root: int) -> set[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid in list_processes():
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(pid)
    family, waiting = {root}, [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            family.add(child)
            waiting.append(child)
    return family


def list_processes() -> list[int]:
    """All of this machine, kernel threads left out: they have no memory of their own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def _list_mappings(pid: int) -> Iterator[tuple[int, int]]:
    """Readable ones. What is mapped from a file and cannot be written is that file, a program or a library; the
    kernel's own pages (vvar, vsyscall) cannot be read through mem."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights, _, _, inode, *_ = line.split()
        is_file = inode != "0" and "w" not in rights
        if rights.startswith("r") and not is_file and not line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
            start, _, end = span.partition("-")
            yield int(start, 16), int(end, 16)


def _list_stretches(descriptor: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that hold data (lseek(2): SEEK_DATA; ENXIO where none follows)."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    place = 0
    while place < end:
        try:
            start = os.lseek(descriptor, place, os.SEEK_DATA)
            place = os.lseek(descriptor, start, os.SEEK_HOLE)
        except OSError:
            return
        yield start, place


def _read_stretch(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """In parts; it ends where nothing can be read any more, as a mapping beyond its file's end."""
    while start < end:
        try:
            part = os.pread(descriptor, min(CHUNK, end - start), start)
        except OSError:
            return
        if not part:
            return
        yield part
        start += len(part)
