"""Roles of the playbook repository and of the collection homeprod.site: their files, and what these lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.core.tree import File, Kind, Tree
from homeprod.promotion.document import UnreadableError, read_nodes
from homeprod.promotion.references import Doubt, References, read_references, scan_text

OURS = "homeprod.site."
FOLDER = "roles"
_CODE = ("tasks", "handlers", "meta")
SEALED = b"$ANSIBLE_VAULT;"
"""How what ansible-vault has sealed begins."""


@dataclass(frozen=True, slots=True)
class Role:
    """``files`` are named as they stand in their repository. ``references`` are its own, not those of others that it
    leads to."""

    name: str
    files: tuple[tuple[str, File], ...]
    references: References


def find_role(name: str, playbooks: Tree, collection: Tree) -> Role | None:
    """``collection`` is homeprod.site as it is installed: its roles read what their descriptions say, and the files
    that the site renders for the host. None where nobody knows which files the role has."""
    if name.startswith(OURS):
        below = f"{FOLDER}/{name.removeprefix(OURS)}"
        files = tuple((f"{OURS}{path}", file) for path, file in _list_files(collection, below))
        references = References(_read_files(files).roles)
        return Role(name, files, references) if files else None
    files = tuple(_list_files(playbooks, f"{FOLDER}/{name}"))
    if not files:
        return None
    references = _read_files(files)
    references.doubts += list_links(files)
    return Role(name, files, references)


def _list_files(tree: Tree, folder: str) -> Iterator[tuple[str, File]]:
    for path, file in tree.below(folder):
        yield f"{folder}/{path}", file


def _read_files(files: tuple[tuple[str, File], ...]) -> References:
    found = References()
    for path, file in files:
        part = path.partition(f"{FOLDER}/")[2].split("/")[1]
        if part in _CODE and path.endswith((".yml", ".yaml")):
            found.add(read_file(path, file))
        elif part != "files" and not path.endswith(".md"):
            found.add(scan_file(path, file))
    return found


def read_file(path: str, file: File) -> References:
    """Of a YAML file: what its keys lead to, and its texts."""
    found = scan_file(path, file)
    if file.content is None or not file.is_regular or file.content.startswith(SEALED):
        return found
    try:
        found.add(read_references(read_nodes(file.content), path))
    except UnreadableError as error:
        found.doubts.append(Doubt(path, error.line, f"is no YAML: {error.reason}"))
    return found


def scan_file(path: str, file: File) -> References:
    """What is sealed is taken for values: what Jinja stands in there is not seen."""
    if file.content is None or not file.is_regular or file.content.startswith(SEALED):
        return References()
    return scan_text(file.content.decode(errors="replace"), path)


def list_links(files: tuple[tuple[str, File], ...]) -> list[Doubt]:
    """Links and other repositories: what stands there is not among these files."""
    return [Doubt(path, 1, "is a link, or another repository") for path, file in files if not _is_plain(file)]


def _is_plain(file: File) -> bool:
    return file.kind not in (Kind.LINK, Kind.SUBMODULE) and file.content is not None
