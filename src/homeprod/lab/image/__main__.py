"""An image made by a process of its own: ``python -m homeprod.lab.image NAME`` builds that of a recipe, and
``--pin FILE`` downloads the one that the file describes.

It says what it does, a line at a time, and at the end either where the image is or why there is none. A lab starts
it and goes on; it outlives the lab's process, so that a lab that is restarted does not begin it anew.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from homeprod.core.errors import LabError
from homeprod.lab.image.outcome import FAILED, HINT, PIN_OPTION, read_pin
from homeprod.lab.image.source import Source, StandIn, ensure_source


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds, so that half a tree is unmounted and removed."""
    raise SystemExit(143)


def _read_source(arguments: list[str]) -> Source:
    return read_pin(Path(arguments[1])) if arguments[0] == PIN_OPTION else StandIn(arguments[0])


def main(arguments: list[str]) -> int:
    if len(arguments) != (2 if arguments[:1] == [PIN_OPTION] else 1):
        sys.stderr.write(f"usage: python -m homeprod.lab.image NAME | {PIN_OPTION} FILE\n")
        return 64
    signal.signal(signal.SIGTERM, _end)
    try:
        _say(f"the image is {ensure_source(_read_source(arguments), _say)}")
    except LabError as error:
        _say(f"{FAILED}{error}")
        for line in error.hint.splitlines():
            _say(f"{HINT}{line}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
