"""Stand-in secrets: the vault repository once more, with generated values under the names of the sealed ones.

What is sealed in the vault can be opened by the real control node alone, so nothing of it is ever read here. A value
that stands sealed in a file that is readable otherwise has a name, and a generated value takes its place. A file that
is sealed as a whole hides its names: the playbook repository says what stands in for it, below ``stand-ins/``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from homeprod.core.errors import PromotionError
from homeprod.core.tree import File, Kind, Tree
from homeprod.promotion.document import UnreadableError, list_items, read_nodes

FOLDER = "stand-ins"
"""In the playbook repository."""
SEALED = b"$ANSIBLE_VAULT;"
_TAG = "!vault"
_BYTES = 18
"""Of randomness in a generated value."""
Seal = Mapping[bytes, str]
"""Vault text by the value that it seals."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is to be sealed. ``is_whole`` where it is all of a file."""

    value: bytes
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class VaultFile:
    """``parts`` one after the other are its content, once each secret is sealed."""

    path: str
    kind: Kind
    parts: tuple[bytes | Secret, ...]

    def render(self, sealed: Seal) -> bytes:
        return b"".join(_render(part, sealed) for part in self.parts)


def _render(part: bytes | Secret, sealed: Seal) -> bytes:
    if isinstance(part, bytes):
        return part
    text = sealed[part.value].strip() + "\n"
    # A quoted text may stand wherever a value may, a block may not.
    return text.encode() if part.is_whole else f"{_TAG} {json.dumps(text)}".encode()


def make_stand_in_vault(
    vault: Tree, environment: str, overrides: Tree, generate: Callable[[], str] | None = None
) -> list[VaultFile]:
    """The environment's folder of the vault. ``overrides`` is the folder ``stand-ins`` of the playbook repository.
    Raises PromotionError, naming every file that is sealed whole and has no stand-in values."""
    below = {path: file for path, file in vault if path.startswith(f"{environment}/")}
    if not below:
        hint = f"a folder {environment}/ with hosts.yml, group_vars/ and host_vars/ belongs there"
        raise PromotionError(f"the vault repository has no folder {environment}", hint=hint)
    _refuse_hidden([path for path, file in below.items() if _is_whole(file) and not _find_override(overrides, path)])
    maker = generate or (lambda: secrets.token_urlsafe(_BYTES))
    found = (_make_file(path, file, _find_override(overrides, path), maker) for path, file in below.items())
    return [one for one in found if one is not None]


def list_secrets(files: list[VaultFile]) -> list[bytes]:
    """What is to be sealed, each value once."""
    values = (part.value for file in files for part in file.parts if isinstance(part, Secret))
    return list(dict.fromkeys(values))


def _refuse_hidden(paths: list[str]) -> None:
    if not paths:
        return
    those = "\n".join(f"  {FOLDER}/{_name_override(path)}" for path in paths)
    message = f"sealed as a whole, so that nobody here knows its variables: {', '.join(paths)}"
    hint = f"write into the playbook repository, with the same variables and values that are no secrets:\n\n{those}"
    raise PromotionError(message, where="the vault repository", hint=hint)


def _name_override(path: str) -> str:
    return path if path.endswith((".yml", ".yaml")) else f"{path}.yml"


def _find_override(overrides: Tree, path: str) -> File | None:
    """As it is called there, or with ``.yml`` behind it."""
    for name in (path, f"{path}.yml"):
        file = overrides.get(name)
        if file is not None and file.content is not None and file.is_regular:
            return file
    return None


def _is_whole(file: File) -> bool:
    return file.is_regular and file.content is not None and file.content.lstrip().startswith(SEALED)


def _make_file(path: str, file: File, override: File | None, generate: Callable[[], str]) -> VaultFile | None:
    """None for a submodule, which no control node looks into. Raises PromotionError."""
    if file.kind is Kind.SUBMODULE:
        return None
    if file.content is None:
        raise PromotionError("is too large to be looked into", where=path, hint="keep what is no variable elsewhere")
    if _is_whole(file):
        assert override is not None and override.content is not None  # noqa: S101, PT018 (looked for before)
        return VaultFile(path, file.kind, (Secret(override.content, is_whole=True),))
    if not file.is_regular or _TAG.encode() not in file.content:
        return VaultFile(path, file.kind, (file.content,))
    return VaultFile(path, file.kind, tuple(_split(path, file.content, override, generate)))


def _split(
    path: str, content: bytes, override: File | None, generate: Callable[[], str]
) -> Iterator[bytes | Secret]:
    """Its text, with a secret wherever a sealed value stands."""
    text, end = _decode(path, content), 0
    given, used = _read_override(path, override), set[tuple[object, ...]]()
    for place, node in _list_sealed(path, content):
        value = _look_up(given, place)
        used |= {place[:length] for length in range(1, len(place) + 1)} if value is not None else set()
        start, stop = node.start_mark.index, node.end_mark.index
        yield text[end:start].encode()
        yield Secret((value if value is not None else generate()).encode())
        yield b"\n" if text[start:stop].endswith("\n") else b""
        end = stop
    yield text[end:].encode()
    _refuse_unknown(path, given, used)


def _decode(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise PromotionError("is no text", where=path, hint="write it as UTF-8") from error


def _list_sealed(path: str, content: bytes) -> list[tuple[tuple[object, ...], yaml.ScalarNode]]:
    """Sealed values with the keys and numbers that lead to each, in the order in which they stand."""
    try:
        found = list(_walk(read_nodes(content), (), frozenset()))
    except UnreadableError as error:
        hint = "see it with the eyes of Ansible, in your clone of the vault repository"
        raise PromotionError(
            f"is no YAML that can be read: {' '.join(str(error).split())}", where=path, hint=hint
        ) from error
    return sorted({one[1].start_mark.index: one for one in found}.values(), key=lambda one: one[1].start_mark.index)


def _walk(
    node: yaml.Node | None, place: tuple[object, ...], above: frozenset[int]
) -> Iterator[tuple[tuple[object, ...], yaml.ScalarNode]]:
    if node is None or id(node) in above:
        return
    inside = above | {id(node)}
    if isinstance(node, yaml.ScalarNode) and node.tag == _TAG:
        yield place, node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*place, str(key.value)), inside)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(list_items(node)):
            yield from _walk(value, (*place, number), inside)


def _read_override(path: str, override: File | None) -> Any:
    if override is None or override.content is None:
        return None
    try:
        return yaml.safe_load(override.content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = f"{FOLDER}/{_name_override(path)}"
        raise PromotionError(
            f"is no plain YAML: {' '.join(str(error).split())}", where=where, hint="write plain values there"
        ) from error


def _look_up(given: Any, place: tuple[object, ...]) -> str | None:
    """The stand-in value at that place; None where none is written."""
    for key in place:
        if isinstance(given, Mapping) and key in given:
            given = given[key]
        elif isinstance(given, list) and isinstance(key, int) and key < len(given):
            given = given[key]
        else:
            return None
    return None if given is None or isinstance(given, Mapping | list) else str(given)


def _refuse_unknown(path: str, given: Any, used: set[tuple[object, ...]]) -> None:
    """A stand-in value that stands for nothing is a mistake: it is misspelt, or what it was for is gone."""
    left = sorted(str(name) for name in given if (name,) not in used) if isinstance(given, Mapping) else []
    if left:
        where, hint = f"{FOLDER}/{_name_override(path)}", "take it out, or write it as the vault has it"
        raise PromotionError(f"{path} has no sealed {', '.join(left)}", where=where, hint=hint)
