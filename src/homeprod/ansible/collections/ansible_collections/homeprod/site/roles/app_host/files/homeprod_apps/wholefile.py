"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_whole(file: Path, text: str, mode: int) -> None:
    """On disk before it has its name, so that not even a power cut leaves half of it. Raises OSError."""
    part = file.with_name(f".{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, mode)
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    part.replace(file)


def write_json(file: Path, value: Any, mode: int) -> None:
    write_whole(file, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", mode)
