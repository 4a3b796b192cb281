"""How far an image is, as anybody can read it from its builder's log and the cache."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import Source, find_source
from homeprod.lab.process import ProcessMark

FAILED = "error: "
HINT = "error:   "
"""What the builder's last lines begin with when it fails: the error first, then its hint."""
_TAIL = 16 * 1024
PIN_OPTION = "--pin"


@dataclass(frozen=True, slots=True)
class ImageState:
    """``kind`` is built, building, failed, or absent (nobody has tried); a download that goes on is building too, and
    one that is there is built. ``line`` is the builder's last word, or the error; ``hint`` what to do about that."""

    source: Source
    kind: str
    line: str = ""
    hint: str = ""

    @property
    def name(self) -> str:
        return self.source.name

    def error(self) -> LabError:
        made = "downloaded" if isinstance(self.source, Pin) else "built"
        return LabError(f"no image {self.name}: {self.line or f'it was not {made}'}", hint=self.hint)


@dataclass(frozen=True, slots=True)
class Builder:
    """The process that builds or downloads one image, for the lab whose folder is ``state``."""

    state: Path
    source: Source

    @property
    def log(self) -> Path:
        return self.state / f"image-{self.source.key}.log"

    @property
    def mark_file(self) -> Path:
        return self.state / f"image-{self.source.key}.json"

    def make_arguments(self) -> tuple[str, ...]:
        """What the process is told. An address may hold a login, which is no business of who lists processes: it is
        told in a file."""
        if not isinstance(self.source, Pin):
            return (self.source.name,)
        file = self.state / f"image-{self.source.key}.pin"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as order:
            json.dump(asdict(self.source), order)
        return (PIN_OPTION, str(file))

    def find(self) -> ProcessMark | None:
        """The builder, if it is at work."""
        mark = ProcessMark.read(self.mark_file)
        return mark if mark is not None and mark.is_alive() else None

    def read(self) -> ImageState:
        """Raises LabError for an unknown recipe."""
        # Looked for before the image, which is there when the builder has gone in between.
        is_at_work = self.find() is not None
        if find_source(self.source) is not None:
            return ImageState(self.source, "built")
        lines = self.read_log()
        if is_at_work:
            return ImageState(self.source, "building", lines[-1] if lines else "beginning")
        if not self.mark_file.exists():
            return ImageState(self.source, "absent")
        return _read_failure(self.source, lines, self.log)

    def read_log(self) -> list[str]:
        """The end of what the builder said."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL))
                return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            return []


def read_pin(file: Path) -> Pin:
    """The reverse of ``make_arguments``. Raises LabError."""
    try:
        return Pin(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"cannot read which image is wanted: {error}", where=str(file)) from error


def _read_failure(source: Source, lines: list[str], log: Path) -> ImageState:
    starts = [number for number, line in enumerate(lines) if line.startswith(FAILED) and not line.startswith(HINT)]
    if not starts:
        return ImageState(source, "failed", "its builder was ended", f"see {log}")
    words = lines[starts[-1] :]
    hint = "\n".join(line.removeprefix(HINT) for line in words[1:])
    return ImageState(source, "failed", words[0].removeprefix(FAILED), hint)
