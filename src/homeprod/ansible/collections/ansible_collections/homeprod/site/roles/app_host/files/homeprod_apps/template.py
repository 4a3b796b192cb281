r"""Harbormaster's own marks in a compose file, ``{{ HM_NAME }}`` and ``{{ HM_NAME:"otherwise" }}``, filled in.

Rules from outside: docker-harbormaster 0.5.0. What has no value and no default stays as it stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from .problem import Problem

_MARK = re.compile(r"\{\{\s*HM_(?P<name>[^:}\s]+?)(?::(?P<otherwise>.*?))?\s*\}\}")


def fill(text: str, values: Mapping[str, str], where: str) -> str:
    """Raises Problem for a default that is no literal."""

    def find(mark: re.Match[str]) -> str:
        if mark["name"] in values:
            return values[mark["name"]]
        return mark[0] if mark["otherwise"] is None else _evaluate(mark["otherwise"], mark["name"], where)

    return _MARK.sub(find, text)


def _evaluate(otherwise: str, name: str, where: str) -> str:
    try:
        return str(ast.literal_eval(otherwise.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Problem(f"{where}: the default of HM_{name} is no text in quotes: {otherwise[:60]}") from error
