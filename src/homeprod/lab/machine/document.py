"""A machine's configuration file in Proxmox's own form.

Lines ``key: value`` sorted by key, the description first as ``#`` lines, then ``[PENDING]`` and the snapshots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha1
from urllib.parse import unquote_to_bytes

from homeprod.lab.api.schema import Release, verify_form
from homeprod.lab.machine.options import find_option

Config = dict[str, str]

_LINE = re.compile(r"([a-z][a-z_\-]*\d*):\s*(.+?)\s*\Z")
_SECTION = re.compile(r"\[([a-zA-Z][a-zA-Z0-9_\-]+)\]\s*\Z")
_ENCODED = re.compile(r"[^\x20-\x24\x26-\x39\x3b-\x7e]")
_STORED_NUMBER = re.compile(r"\d+(\.\d+)?\Z")
PENDING = "PENDING"


@dataclass(slots=True)
class Document:
    """``delete`` maps a key that waits for deletion to whether its volume is to be destroyed with it."""

    current: Config = field(default_factory=dict)
    pending: Config = field(default_factory=dict)
    delete: dict[str, bool] = field(default_factory=dict)
    snapshots: dict[str, Config] = field(default_factory=dict)

    def copy(self) -> Document:
        return Document(
            dict(self.current),
            dict(self.pending),
            dict(self.delete),
            {name: dict(section) for name, section in self.snapshots.items()},
        )

    def wanted(self) -> Config:
        """The configuration as it will be: pending values in force, pending deletions gone."""
        return {k: v for k, v in {**self.current, **self.pending}.items() if k not in self.delete}


def encode_text(text: str) -> str:
    return _ENCODED.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def decode_text(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def parse_document(text: str) -> Document:
    document = Document()
    section = document.current
    lines: list[str] = []
    is_pending = False
    for line in text.split("\n"):
        if match := _SECTION.match(line):
            _describe(section, lines)
            is_pending = match[1].upper() == PENDING
            section = document.pending if is_pending else document.snapshots.setdefault(match[1], {})
            lines = []
        elif line.startswith("#"):
            lines.append(decode_text(line[1:]))
        elif match := _LINE.match(line):
            if is_pending and match[1] == "delete":
                document.delete = _parse_delete(match[2])
            else:
                section[match[1]] = match[2]
    _describe(section, lines)
    return document


def _describe(section: Config, lines: list[str]) -> None:
    if lines:
        section["description"] = "\n".join(lines)


def _parse_delete(text: str) -> dict[str, bool]:
    return {key.removeprefix("!"): key.startswith("!") for key in re.split(r"[,;\s]+", text) if key}


def print_document(document: Document) -> str:
    parts = [_print_section(document.current)]
    if document.pending or document.delete:
        pending = dict(document.pending)
        if document.delete:
            pending["delete"] = ",".join(f"!{k}" if force else k for k, force in sorted(document.delete.items()))
        parts.append(f"\n[{PENDING}]\n" + _print_section(pending, keeps_empty=True))
    parts += [f"\n[{name}]\n" + _print_section(section) for name, section in sorted(document.snapshots.items())]
    return "".join(parts)


def _print_section(section: Config, *, keeps_empty: bool = False) -> str:
    lines = _print_description(section["description"], keeps_empty) if "description" in section else []
    lines += [f"{key}: {value}" for key, value in sorted(section.items()) if key != "description"]
    return "".join(f"{line}\n" for line in lines)


def _print_description(text: str, keeps_empty: bool) -> list[str]:
    if not text:
        return ["#"] if keeps_empty else []
    return [f"#{encode_text(line)}" for line in text.rstrip("\n").split("\n")]


def digest_of(text: str) -> str:
    """Proxmox's digest of a configuration: the SHA-1 of its file."""
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def verify_stored(key: str, value: str | None, release: Release) -> str:
    """The value as the file keeps it. Raises ValueError with the words of Proxmox's writer, which is stricter
    about numbers and line feeds than its API."""
    if value is None:
        raise ValueError(f"unable to parse value of '{key}' - got undefined value\n")
    if key == "description":
        return value
    prop = find_option(key)
    try:
        if prop is None:
            raise ValueError(f"unknown setting '{key}'\n")
        return _verify_stored(prop.type, key, value, release)
    except ValueError as error:
        raise ValueError(f"unable to parse value of '{key}' - {error}") from None


def _verify_stored(kind: str, key: str, value: str, release: Release) -> str:
    if "\n" in value:
        raise ValueError("property contains a line feed\n")
    if kind == "integer":
        return str(int(value))
    if kind == "number" and not _STORED_NUMBER.match(value):
        raise ValueError(f"type check ('number') failed - got '{value}'\n")
    if key == "memory" and (prop := find_option(key)) is not None and prop.form is not None:
        verify_form(prop.form, value, release, "")
    return value


def type_value(key: str, value: str) -> str | int:
    """The value as Proxmox's JSON shows it: integers and booleans as numbers, all else as text."""
    prop = find_option(key)
    if prop is None or prop.type not in ("integer", "boolean"):
        return value
    return int(value) if re.fullmatch(r"[+-]?\d+", value) else value
