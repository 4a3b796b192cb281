"""Files of variables, as Harbormaster reads them: YAML of strings by their name's ending, else lines with ``=``.

Rules from outside: docker-harbormaster 0.5.0, which ends its whole run at a line without one.
"""

from __future__ import annotations

import yaml

from .problem import Problem


def read_variables(text: str, name: str) -> dict[str, str]:
    """Raises Problem."""
    return _read_yaml(text, name) if name.lower().endswith((".yml", ".yaml")) else _read_lines(text, name)


def _read_yaml(text: str, name: str) -> dict[str, str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Problem(f"{name} is no YAML: {_flatten(error)}", "put it right, and publish again") from error
    if not isinstance(found, dict) or not all(type(one) is str for pair in found.items() for one in pair):
        raise Problem(f"{name} holds something else than strings", "quote numbers, yes and no")
    return found


def _read_lines(text: str, name: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        key, sign, value = line.partition("=")
        if not sign:
            hint = "write NAME=VALUE alone; comments are not possible there"
            raise Problem(f"{name}:{number} has no =: Harbormaster's whole run would end at it", hint)
        found[key] = value
    return found


def _flatten(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
