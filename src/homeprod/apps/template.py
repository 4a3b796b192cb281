"""What Harbormaster puts into a compose file before compose reads it: ``{{ HM_NAME }}``, ``{{ HM_NAME:"default" }}``.

Rules from outside: _render_template of docker-harbormaster 0.5.0. A name without value and default stays as it
stands, and a default that is no Python literal becomes the word HM_INVALID_DEFAULT_VALUE; both are mistakes here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.variables import CACHE, DATA, REPOSITORY

_FIELD = re.compile(r"\{\{\s*HM_(?P<name>[^:}\s]+)\s*(?::(?P<default>.*?))?\s*\}\}")
_FOLDERS = {"DATA_DIR": DATA, "CACHE_DIR": CACHE, "REPO_DIR": REPOSITORY}


def render(text: str, replacements: Mapping[str, str] | None, file: str, sheet: Sheet) -> str:
    """Line by line the same lines. ``replacements`` is None where a file on the host may hold more."""
    known = {**_FOLDERS, **(replacements or {})}
    lines = text.split("\n")
    return "\n".join(
        _FIELD.sub(lambda match: _replace(match, known, replacements is None, Place(file, number), sheet), line)  # noqa: B023  # called at once
        for number, line in enumerate(lines, 1)
    )


def _replace(match: re.Match[str], known: Mapping[str, str], is_open: bool, place: Place, sheet: Sheet) -> str:
    name, default = match["name"], match["default"]
    if name in known:
        return known[name]
    if default is not None:
        try:
            return str(ast.literal_eval(default.strip()))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            hint = f'write it as Python would:\n\n  {{{{ HM_{name}:"value" }}}}'
            sheet.refuse(place, f"the default of HM_{name} is no literal of Python", hint)
            return f"HM_{name}"
    if not is_open:
        hint = f"give {name} under replacements, or a default"
        sheet.refuse(place, f"HM_{name} has no value: Harbormaster would leave it as it stands", hint)
    return f"HM_{name}"
