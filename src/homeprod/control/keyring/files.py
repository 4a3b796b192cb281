"""The names of a keyring's files, what stands beside the sealed ones, and whether they are as they were written.

keyring.age                 the secrets, sealed to every administrator and to the recovery identity
administrators/NAME.age     that person's identity, under their passphrase
recipients.json             version, node, serial, and who can open it; nothing secret, and never believed
recovery.pub                the recovery identity's recipient
*.sha256                    beside each: what `sha256sum -c` reads
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from homeprod.control.keyring.content import Content, describe_newer, find_version, is_newer
from homeprod.control.keyring.errors import DamagedKeyringError
from homeprod.core.errors import ControlError

KEYRING, RECIPIENTS, RECOVERY = "keyring.age", "recipients.json", "recovery.pub"
_ADMINISTRATORS = "administrators/"
_PERSON = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
"""A Unix name, as useradd takes it: it becomes part of a file's name."""
_RESTORE = "restore a back-up; the other administrators' identities, and the recovery identity, may be whole"


@dataclass(frozen=True, slots=True)
class Label:
    """What stands in the clear beside the keyring; whoever can write to the disk can alter it."""

    node: str
    serial: int
    recipients: Mapping[str, str]


def name_identity(person: str) -> str:
    """The file of a person's identity. Raises ControlError where it is no Unix name."""
    if not _PERSON.fullmatch(person):
        raise ControlError(
            f"{person!r} cannot be an administrator's name",
            hint="a Unix user's name is expected: small letters, digits, - and _, 32 at most",
        )
    return f"{_ADMINISTRATORS}{person}.age"


def list_people(files: Mapping[str, bytes]) -> list[str]:
    """Administrators whose identity is there."""
    paths = (PurePosixPath(name) for name in files if name.startswith(_ADMINISTRATORS))
    return sorted(path.stem for path in paths if path.suffix == ".age" and _PERSON.fullmatch(path.stem))


def explain_stranger(person: str, people: list[str]) -> ControlError:
    """Why somebody has nothing here that could be opened."""
    if people:
        message = f"{person} is no administrator of this keyring"
        return ControlError(message, hint=f"those who are: {', '.join(people)}")
    return ControlError(
        "nobody is left in this keyring: it has no administrator's identity",
        hint="the recovery identity still opens it; add an administrator with it, or restore a back-up",
    )


def add_checksums(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """With a .sha256 beside each."""
    sums = {
        f"{name}.sha256": f"{digest(data)}  {PurePosixPath(name).name}\n".encode() for name, data in files.items()
    }
    return {**files, **sums}


def keep_identity(files: Mapping[str, bytes], person: str) -> dict[str, bytes]:
    """A person's file and its checksum as they are: a new checksum would vouch for what is damaged."""
    names = (name_identity(person), f"{name_identity(person)}.sha256")
    return {name: files[name] for name in names if name in files}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_whole(files: Mapping[str, bytes], name: str) -> bool:
    """Whether the file is there and what its checksum says."""
    noted = files.get(f"{name}.sha256", b"").split()
    return name in files and bool(noted) and noted[0] == digest(files[name]).encode()


def refuse_damage(files: Mapping[str, bytes], names: list[str], where: str) -> None:
    """Raises DamagedKeyringError for the first that is not as it was written."""
    for name in names:
        if not is_whole(files, name):
            raise describe_damage(files, name, where)


def describe_damage(files: Mapping[str, bytes], name: str, where: str) -> DamagedKeyringError:
    if name not in files:
        return DamagedKeyringError(f"{name} is gone", where=where, hint=_RESTORE)
    if f"{name}.sha256" not in files:
        message = f"{name} does not open, and without its checksum nobody can say whether it is damaged"
        return DamagedKeyringError(message, where=where, hint=f"try once more; if it stays so, {_RESTORE}")
    message = f"{name} is damaged: it is not what its checksum says"
    return DamagedKeyringError(message, where=where, hint=_RESTORE)


def render_label(content: Content) -> bytes:
    form = {
        "version": find_version(),
        "node": content.node,
        "serial": content.serial,
        "recipients": dict(content.recipients),
        "recovery": content.recovery,
    }
    return (json.dumps(form, indent=2) + "\n").encode()


def read_label(files: Mapping[str, bytes], where: str) -> Label | None:
    """None where it is missing or not readable. Raises NewerKeyringError."""
    try:
        form = json.loads(files.get(RECIPIENTS, b""))
        version, node, serial, recipients = (form[key] for key in ("version", "node", "serial", "recipients"))
        label = Label(str(node), int(serial), {str(name): str(key) for name, key in recipients.items()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if is_newer(version):
        raise describe_newer(version, where)
    return label
