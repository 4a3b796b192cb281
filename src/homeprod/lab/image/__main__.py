"""The image of a recipe, made by a process of its own: ``python -m homeprod.lab.image NAME``.

It says what it does, a line at a time, and at the end either where the image is or why there is none. A lab starts
it and goes on; it outlives the lab's process, so that a lab that is restarted does not build from the beginning.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from homeprod.core.errors import LabError
from homeprod.lab.image.cache import ensure_image
from homeprod.lab.image.outcome import FAILED, HINT


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds, so that half a tree is unmounted and removed."""
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m homeprod.lab.image NAME\n")
        return 64
    signal.signal(signal.SIGTERM, _end)
    try:
        _say(f"the image is {ensure_image(arguments[0], _say)}")
    except LabError as error:
        _say(f"{FAILED}{error}")
        for line in error.hint.splitlines():
            _say(f"{HINT}{line}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
