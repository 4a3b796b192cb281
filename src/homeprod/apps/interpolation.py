"""Compose's own variables in a text: ``$NAME``, ``${NAME:-default}``.

Rules from outside: the Compose Specification, "Interpolation".
"""

from __future__ import annotations

import re

from homeprod.apps.variables import Variables

_FIELD = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-?+])(?P<word>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)


def expand(text: str, variables: Variables) -> str | None:
    """None where it holds what nobody here can tell, or what has no value (compose would put nothing there)."""
    parts: list[str] = []
    end = 0
    for match in _FIELD.finditer(text):
        value = _find(match, variables)
        if value is None:
            return None
        parts += [text[end : match.start()], value]
        end = match.end()
    rest = text[end:]
    return None if "$" in rest or any("$" in part for part in parts[::2]) else "".join([*parts, rest])


def _find(match: re.Match[str], variables: Variables) -> str | None:
    if match["escaped"]:
        return "$"
    name = match["plain"] or match["name"]
    value, sign, word = variables.get(name), match["sign"] or "", match["word"] or ""
    if value is None and not variables.is_unset(name):
        return None
    is_given = bool(value) if sign.startswith(":") else value is not None
    if sign.endswith("+"):
        return expand(word, variables) if is_given else ""
    if is_given and value is not None:
        return value
    if sign.endswith("-"):
        return expand(word, variables)
    return None
