"""What the vault of an environment holds, for the run's own eyes: to take it out of what is told."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from homeprod.control.runs.redaction import list_secrets
from homeprod.control.runs.vaulttext import HEADER, VaultTextError, decrypt_vault_text, find_vault_texts
from homeprod.core.errors import ControlError

_SECONDS = 10.0
_MOST_BYTES = 4 * 1024 * 1024
"""Of a file that is looked into."""


def ask_password(path: str, nonce: str) -> bytes:
    """From the keyholder, for this run. Raises ControlError where it gives none."""
    hint = "the control node may have been locked meanwhile; see\n    homeprod control status"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(path)
            connection.sendall(nonce.encode() + b"\n")
            password = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError as error:
        raise ControlError(f"the keyholder does not answer: {error.strerror}", where=path, hint=hint) from error
    if not password:
        raise ControlError("the keyholder gives this run no vault password", where=path, hint=hint)
    return password


def read_secrets(folders: Iterable[Path], password: bytes) -> set[str]:
    """Every value that is vaulted in a file below ``folders``. Raises ControlError where one does not decrypt."""
    found: set[str] = set()
    for file in list_vaulted(folders):
        content = file.read_bytes()
        is_value = not content.startswith(HEADER)
        for body in find_vault_texts(content):
            try:
                found |= list_secrets(decrypt_vault_text(body, password), is_value=is_value)
            except VaultTextError as error:
                raise ControlError(
                    f"the vault does not decrypt: {error}",
                    where=str(file),
                    hint="encrypt it again with this control node's password\n    homeprod control secret encrypt",
                ) from error
    return found


def list_vaulted(folders: Iterable[Path]) -> list[Path]:
    """Files that hold vault text, links not followed."""
    return [file for folder in folders for file in sorted(folder.rglob("*")) if _is_vaulted(file)]


def _is_vaulted(file: Path) -> bool:
    if file.is_symlink() or not file.is_file() or ".git" in file.parts or file.stat().st_size > _MOST_BYTES:
        return False
    return HEADER in file.read_bytes()
