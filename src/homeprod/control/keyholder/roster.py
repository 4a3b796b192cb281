"""Roster: what the keyholder takes from the node's settings. Read without pydantic, which would triple the memory of
a process that is to be small; :mod:`homeprod.control.settings` is the format's law."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeprod.core.errors import ControlError

DEPLOY = "deploy"
"""The agent that holds the keys for git; no environment can be called so."""


@dataclass(frozen=True, slots=True)
class Roster:
    """``environments`` says for each which Unix user its runs have; ``administrators`` are Unix names."""

    node: str
    environments: dict[str, str]
    administrators: tuple[str, ...]


def read_roster(file: Path) -> Roster:
    """Raises ControlError where the settings cannot be read or understood."""
    try:
        return _take(json.loads(file.read_bytes()))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except (ValueError, KeyError, TypeError):
        reason = "they are not as homeprod writes them"
    raise ControlError(
        f"cannot read the control node's settings: {reason}",
        where=str(file),
        hint="they come with cloud-init, onto a machine that the site declares as control node",
    )


def _take(settings: Any) -> Roster:
    environments = {_text(one["name"]): _text(one["user"]) for one in settings["environments"]}
    if any("/" in name or name.startswith(".") or name in ("", DEPLOY) for name in environments):
        raise ValueError("an environment's name becomes a file's")
    return Roster(_text(settings["node"]), environments, tuple(map(_text, settings["administrators"])))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
