"""Where in the site's own files a thing was declared."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType


@dataclass(frozen=True, slots=True)
class Source:
    """The call that declared something: an absolute file and the line on which the call begins."""

    file: Path
    line: int

    def line_of(self, keyword: str) -> int:
        """The line of that keyword argument, or of the call itself where the argument is not written there."""
        for call in _calls(self.file):
            if call.lineno <= self.line <= (call.end_lineno or call.lineno) and call.lineno == self.line:
                for argument in call.keywords:
                    if argument.arg == keyword:
                        return argument.value.lineno
        return self.line


def find_source(root: Path) -> Source | None:
    """The nearest frame below the caller whose code lies in ``root``; None where there is none."""
    frame: FrameType | None = sys._getframe(1)
    prefix = f"{root}/"
    while frame is not None:
        if frame.f_code.co_filename.startswith(prefix):
            return Source(Path(frame.f_code.co_filename), frame.f_lineno)
        frame = frame.f_back
    return None


@lru_cache(maxsize=512)
def _calls(file: Path) -> tuple[ast.Call, ...]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Call))
