"""The public halves of what the keyring holds: what a person publishes, and the file that keeps it for everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.core.errors import ControlError
from homeprod.core.fingerprint import find_fingerprint
from homeprod.drivers.wholefile import write_whole

_ENVIRONMENT, _DEPLOY = "ansible-", "deploy-"


def make_record(node: str, keys: Mapping[str, str], roots: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Of keys by the keyring's names, ``ansible-lab`` and ``deploy-vault``, and roots of authorities (PEM) by those
    of environments."""
    return {
        "node": node,
        "environments": _cut(keys, _ENVIRONMENT),
        "deploy": _cut(keys, _DEPLOY),
        "fingerprints": {name: find_fingerprint(key) for name, key in keys.items()},
        **({"authorities": dict(roots)} if roots else {}),
    }


def _cut(keys: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): key for name, key in keys.items() if name.startswith(prefix)}


def read_record(file: Path) -> dict[str, Any]:
    """Empty where there is none that can be read: the keyring makes it again at the next unlock."""
    try:
        record = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_file(file: Path, text: str) -> None:
    """For everybody to read; a power cut leaves the old one or the new one. Raises ControlError."""
    try:
        write_whole(file, text)
    except OSError as error:
        raise ControlError(
            f"cannot write: {error.strerror}", where=str(file), hint="make room on the data disk"
        ) from error


def write_record(file: Path, record: Mapping[str, Any]) -> None:
    """Written only where it is another. Raises ControlError."""
    if read_record(file) != record:
        write_file(file, json.dumps(record, indent=2) + "\n")
