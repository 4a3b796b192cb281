"""Stand-in secrets: the vault repository once more, with generated values under the names of the sealed ones.

What is sealed in the vault can be opened by the real control node alone, so nothing of it is ever read here. A value
that stands sealed in a file that is readable otherwise has a name, and a generated value takes its place. A file that
is sealed as a whole hides its names: the playbook repository says what stands in for it, below ``stand-ins/``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from homeprod.core.errors import PromotionError
from homeprod.core.tree import File, Kind, Tree
from homeprod.promotion.document import UnreadableError, read_nodes
from homeprod.promotion.role import SEALED

FOLDER = "stand-ins"
"""In the playbook repository."""
_TAG = "!vault"
_BYTES = 18
"""Of randomness in a generated value."""
Seal = Mapping[bytes, str]
"""Vault text by the value that it seals."""


class NoFolderError(PromotionError):
    """The vault has none for the environment."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is to be sealed: of a variable, or of a whole file."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file, and the values that are to be sealed in it, each with its node."""

    root: yaml.Node
    secrets: tuple[tuple[yaml.ScalarNode, Secret], ...]

    def render(self, sealed: Seal) -> bytes:
        """With every sealed value as a block of its own, as ansible-vault writes them."""
        for node, secret in self.secrets:
            node.value, node.style = _end_line(sealed[secret.value]), "|"
        return bytes(yaml.serialize(self.root, Dumper=yaml.SafeDumper, encoding="utf-8", width=200))


@dataclass(frozen=True, slots=True)
class VaultFile:
    """``content`` is the file's, once each secret is sealed."""

    path: str
    kind: Kind
    content: bytes | Secret | Document

    @property
    def secrets(self) -> tuple[Secret, ...]:
        if isinstance(self.content, Document):
            return tuple(secret for _, secret in self.content.secrets)
        return (self.content,) if isinstance(self.content, Secret) else ()

    def render(self, sealed: Seal) -> bytes:
        if isinstance(self.content, Document):
            return self.content.render(sealed)
        return _end_line(sealed[self.content.value]).encode() if isinstance(self.content, Secret) else self.content


def _end_line(text: str) -> str:
    return text.strip() + "\n"


def make_stand_in_vault(
    vault: Tree,
    environment: str,
    overrides: Tree,
    generate: Callable[[], str] | None = None,
    environments: Collection[str] = (),
) -> list[VaultFile]:
    """The environment's folder of the vault. ``overrides`` is the folder ``stand-ins`` of the playbook repository,
    ``environments`` all that the site has. Raises PromotionError for whatever a run would stumble over later: files
    that are sealed whole and have no stand-in values, each named; what is no YAML; values that stand in for
    nothing; NoFolderError where the vault has no such folder."""
    below = {path: file for path, file in vault if path.startswith(f"{environment}/")}
    if not below:
        hint = f"a folder {environment}/ with hosts.yml, group_vars/ and host_vars/ belongs there"
        raise NoFolderError(f"the vault repository has no folder {environment}", hint=f"push, if yours has; {hint}")
    _refuse_hidden([path for path, file in below.items() if _is_whole(file) and not _find_override(overrides, path)])
    _refuse_strays(environment, below, overrides, {environment, *environments})
    _require_readable(below, overrides)
    maker = generate or (lambda: secrets.token_urlsafe(_BYTES))
    found = (_make_file(path, file, _find_override(overrides, path), maker) for path, file in below.items())
    return [one for one in found if one is not None]


def list_secrets(files: Iterable[VaultFile]) -> list[bytes]:
    """What is to be sealed, each value once."""
    return list(dict.fromkeys(secret.value for file in files for secret in file.secrets))


def _refuse_hidden(paths: list[str]) -> None:
    if not paths:
        return
    those = "\n".join(f"  {FOLDER}/{_name_override(path)}" for path in paths)
    message = f"sealed as a whole, so that nobody here knows its variables: {', '.join(paths)}"
    hint = f"write into the playbook repository, with the same variables and values that are no secrets:\n\n{those}"
    raise PromotionError(message, where="the vault repository", hint=hint)


def _refuse_strays(environment: str, below: Mapping[str, File], overrides: Tree, known: Collection[str]) -> None:
    """Stand-in values for what is not sealed, or not there: what they were for is called otherwise now."""
    for name, _ in overrides:
        folder = name.split("/")[0]
        if "/" in name and folder not in known:
            message, hint = f"the site has no environment {folder}", f"there are: {', '.join(sorted(known))}"
            raise PromotionError(f"stands in for nothing: {message}", where=f"{FOLDER}/{name}", hint=hint)
        file = below.get(name) or below.get(name.removesuffix(".yml"))
        if name.startswith(f"{environment}/") and not (file and file.content and SEALED in file.content):
            message = f"stands in for {name}, where the vault repository has nothing sealed"
            raise PromotionError(message, where=f"{FOLDER}/{name}", hint="take it out, or call it as the vault does")


def _require_readable(below: Mapping[str, File], overrides: Tree) -> None:
    """What Ansible takes for YAML: the inventory and all variables, and what stands in for them."""
    for path, file in below.items():
        if _is_document(path) and file.is_regular and file.content is not None:
            if not _is_whole(file):
                _read(path, file.content)
            _read_override(path, _find_override(overrides, path))


def _is_document(path: str) -> bool:
    """Source: Ansible's user guide, "Organizing host and group variables": files with these endings, or none."""
    parts = path.split("/")[1:]
    is_plain = "." not in parts[-1] or parts[-1].endswith((".yml", ".yaml", ".json"))
    return is_plain and (parts[0] in ("group_vars", "host_vars") or parts == ["hosts.yml"])


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
        return VaultFile(path, file.kind, Secret(override.content))
    if not file.is_regular or _TAG.encode() not in file.content:
        return VaultFile(path, file.kind, file.content)
    return VaultFile(path, file.kind, _make_document(path, file.content, override, generate))


def _make_document(path: str, content: bytes, override: File | None, generate: Callable[[], str]) -> Document:
    root = _read(path, content)
    given, used = _read_override(path, override), set[object]()
    secrets: dict[int, tuple[yaml.ScalarNode, Secret]] = {}
    for place, node in _walk(root, (), frozenset()):
        value = _look_up(given, place)
        used |= {place[0]} if value is not None else set()
        secrets.setdefault(id(node), (node, Secret((value if value is not None else generate()).encode())))
    _refuse_unknown(path, given, used)
    return Document(root, tuple(secrets.values()))


def _read(path: str, content: bytes) -> yaml.Node:
    try:
        root = read_nodes(content)
    except UnreadableError as error:
        reason = " ".join(str(error).split())
        hint = "mend it in the vault repository: no run can read it either"
        raise PromotionError(f"is no YAML that can be read: {reason}", where=path, hint=hint) from error
    return root if root is not None else yaml.MappingNode("tag:yaml.org,2002:map", [])


def _walk(
    node: yaml.Node | None, place: tuple[object, ...], above: frozenset[int]
) -> Iterator[tuple[tuple[object, ...], yaml.ScalarNode]]:
    if node is None or id(node) in above:
        return
    inside = above | {id(node)}
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = False  # between braces no block may stand
    if isinstance(node, yaml.ScalarNode) and node.tag == _TAG:
        yield place, node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*place, str(key.value)), inside)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
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
        is_there = isinstance(given, Mapping) and key in given
        if not is_there and not (isinstance(given, list) and isinstance(key, int) and key < len(given)):
            return None
        given = given[key]
    return None if given is None or isinstance(given, Mapping | list) else str(given)


def _refuse_unknown(path: str, given: Any, used: set[object]) -> None:
    """A stand-in value that stands for nothing is a mistake: it is misspelt, or what it was for is gone."""
    left = sorted(str(name) for name in given if name not in used) if isinstance(given, Mapping) else []
    if left:
        where, hint = f"{FOLDER}/{_name_override(path)}", "take it out, or write it as the vault has it"
        raise PromotionError(f"{path} has no sealed {', '.join(left)}", where=where, hint=hint)
