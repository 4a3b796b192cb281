"""Takes an app's secrets out of what other programs say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SHORTEST = 4
"""Characters. Shorter ones are in every other word."""
_QUOTING = re.compile(r'(in variable name) near ".*|(unterminated quoted value).*', re.DOTALL)
"""compose shows the file from where it does not understand it. Source: compose-go, dotenv/parser.go."""


@dataclass(frozen=True)
class Redaction:
    secrets: tuple[str, ...]

    def hide(self, text: str) -> str:
        text = _QUOTING.sub(lambda found: f"{found[1] or found[2]} …", text)
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def read_secrets(folder: Path) -> Redaction:
    """Every line of every file there, and what stands behind a ``=``; the longest first."""
    found = {text for file in folder.glob("*/*") if file.is_file() for text in _list_texts(file)}
    return Redaction(tuple(sorted(found, key=lambda text: (-len(text), text))))


def _list_texts(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        for text in (line.strip(), line.partition("=")[2].strip().strip("\"'")):
            if len(text) >= _SHORTEST:
                yield text
