"""The public halves of what the keyring holds: what a person publishes, and the file that keeps it for everybody."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.core.errors import ControlError

_ENVIRONMENT, _DEPLOY = "ansible-", "deploy-"


def find_fingerprint(key: str) -> str:
    """As `ssh-keygen -l` prints it. Of a line ``ssh-ed25519 AAAA… comment``."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def make_record(node: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """Of keys by the keyring's names, ``ansible-lab`` and ``deploy-vault``."""
    return {
        "node": node,
        "environments": _cut(keys, _ENVIRONMENT),
        "deploy": _cut(keys, _DEPLOY),
        "fingerprints": {name: find_fingerprint(key) for name, key in keys.items()},
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
        _write_whole(file, text)
    except OSError as error:
        raise ControlError(
            f"cannot write: {error.strerror}", where=str(file), hint="make room on the data disk"
        ) from error


def _write_whole(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.fchmod(descriptor, 0o644)  # whatever the umask
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_record(file: Path, record: Mapping[str, Any]) -> None:
    """Written only where it is another. Raises ControlError."""
    if read_record(file) != record:
        write_file(file, json.dumps(record, indent=2) + "\n")
