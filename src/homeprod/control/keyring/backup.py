"""A back-up: a tar of the keyring's files, sealed as they are. `tar xf` and `age -d` open it without homeprod."""

from __future__ import annotations

import contextlib
import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

from homeprod.control.keyring.disk import Disk, sync_folder, write_file
from homeprod.control.keyring.errors import DamagedKeyringError
from homeprod.control.keyring.files import (
    KEYRING,
    RECIPIENTS,
    RECOVERY,
    Label,
    list_people,
    name_identity,
    read_label,
    refuse_damage,
)
from homeprod.control.keyring.store import MOST_BYTES as MOST_FILE_BYTES
from homeprod.core.errors import ControlError

_FOLDER = "homeprod-keyring/"
_MOST_FILES = 1000
MOST_BYTES = 20 * MOST_FILE_BYTES
"""Of a back-up; what stands behind is not looked at."""


def check_whole(files: Mapping[str, bytes], where: str) -> Label:
    """That every file is as it was written, and none is missing. Raises DamagedKeyringError or NewerKeyringError."""
    label = read_label(files, where)
    refuse_damage(files, [KEYRING, RECIPIENTS, RECOVERY, *map(name_identity, list_people(files))], where)
    if label is None or sorted(label.recipients) != list_people(files):
        raise DamagedKeyringError(
            "those who can open it and the identities beside it are not the same people",
            where=where,
            hint="give whoever is missing a new identity, or take another back-up\n\n"
            "  homeprod control admin add NAME --replace",
        )
    return label


def pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(_FOLDER + name)
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def unpack(data: bytes, where: str) -> dict[str, bytes]:
    """Its files, in memory alone. Raises DamagedKeyringError where it is no back-up; whether each file is whole is
    for :func:`check_whole`."""
    try:
        files = _read_entries(data)
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError) as error:
        raise DamagedKeyringError(
            "this is no back-up of a keyring, or it is damaged", where=where, hint=_NONE
        ) from error
    if KEYRING not in files:
        raise DamagedKeyringError("this is no back-up of a keyring, or it is damaged", where=where, hint=_NONE)
    return files


_NONE = "nothing was changed; take another back-up"


def _read_entries(data: bytes) -> dict[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for count, entry in enumerate(archive):
            if count >= _MOST_FILES or not entry.isreg() or entry.size > MOST_FILE_BYTES:
                raise ValueError("no file of a keyring")
            stream = archive.extractfile(entry)
            if stream is not None and entry.name.startswith(_FOLDER):
                files[entry.name.removeprefix(_FOLDER)] = stream.read()
    return {name: data for name, data in files.items() if ".." not in name.split("/") and not name.startswith("/")}


def write_back_up(disk: Disk, file: Path, data: bytes) -> None:
    """In the place of what is there; a power cut leaves the old or the new. Raises OSError."""
    writing = file.with_name(f".{file.name}.writing")
    with contextlib.suppress(FileNotFoundError):
        disk.remove(writing)
    write_file(disk, writing, data)
    disk.rename(writing, file)
    sync_folder(disk, file.parent)


def refuse_older(here: Mapping[str, bytes], coming: Label, where: str) -> None:
    """Raises ControlError where a keyring is there that the back-up would undo changes of, or that is another
    node's."""
    if not here:
        return
    label, force = read_label(here, where), "say that it is meant (--force) to put it in the place of what is there"
    if label is None:
        raise ControlError(
            "the keyring that is there is damaged, so nobody can say which is newer", where=where, hint=force
        )
    if label.node != coming.node:
        raise ControlError(
            f"this is a back-up of {coming.node}, and the keyring there is of {label.node}", where=where, hint=force
        )
    if label.serial > coming.serial:
        raise ControlError(
            f"the back-up is older than the keyring that is there (serial {coming.serial} and {label.serial})",
            where=where,
            hint=f"whoever was removed since, and every older secret, would be back; {force}",
        )
