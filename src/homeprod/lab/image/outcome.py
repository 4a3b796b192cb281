"""How far the image of a recipe is, as anybody can read it from the builder's log and the cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.cache import find_image
from homeprod.lab.process import ProcessMark

FAILED = "error: "
HINT = "error:   "
"""What the builder's last lines begin with when it fails: the error first, then its hint."""
_TAIL = 16 * 1024


@dataclass(frozen=True, slots=True)
class ImageState:
    """``kind`` is built, building, failed, or absent (nobody has tried). ``line`` is the builder's last word, or the
    error; ``hint`` what to do about that."""

    recipe: str
    kind: str
    line: str = ""
    hint: str = ""

    @property
    def is_settled(self) -> bool:
        return self.kind != "building"

    def error(self) -> LabError:
        return LabError(f"no image {self.recipe}: {self.line or 'it was not built'}", hint=self.hint)


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder of one recipe's image, for the lab whose folder is ``state``."""

    state: Path
    recipe: str

    @property
    def log(self) -> Path:
        return self.state / f"image-{self.recipe}.log"

    @property
    def mark_file(self) -> Path:
        return self.state / f"image-{self.recipe}.json"

    def find(self) -> ProcessMark | None:
        """The builder, if it is at work."""
        mark = ProcessMark.read(self.mark_file)
        return mark if mark is not None and mark.is_alive() else None

    def read(self) -> ImageState:
        """Raises LabError for a recipe that there is not."""
        # Looked for before the image, which is there when the builder has gone in between.
        is_at_work = self.find() is not None
        if find_image(self.recipe) is not None:
            return ImageState(self.recipe, "built")
        lines = self.read_log()
        if is_at_work:
            return ImageState(self.recipe, "building", lines[-1] if lines else "beginning")
        if not self.mark_file.exists():
            return ImageState(self.recipe, "absent")
        return _read_failure(self.recipe, lines, self.log)

    def read_log(self) -> list[str]:
        """The end of what the builder said."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL))
                return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            return []


def _read_failure(recipe: str, lines: list[str], log: Path) -> ImageState:
    starts = [number for number, line in enumerate(lines) if line.startswith(FAILED) and not line.startswith(HINT)]
    if not starts:
        return ImageState(recipe, "failed", "its builder was ended", f"see {log}")
    words = lines[starts[-1] :]
    hint = "\n".join(line.removeprefix(HINT) for line in words[1:])
    return ImageState(recipe, "failed", words[0].removeprefix(FAILED), hint)
