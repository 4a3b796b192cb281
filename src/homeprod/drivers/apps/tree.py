"""Reads an app repository's files: of a work tree as they lie there, or of commits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from homeprod.core.errors import AppsError
from homeprod.core.tree import File, Kind, Tree
from homeprod.drivers.apps.git import Git, GitError

LARGEST = 1024 * 1024
"""Bytes of a file that are looked into; what people write is far smaller."""


def read_work_tree(folder: Path, *, known_by: str = "") -> Tree:
    """Of a git work tree what is in it or could come into it; of any other folder everything, or nothing where it
    lacks the folder ``known_by``: it may be the whole machine. Raises AppsError."""
    if not folder.is_dir():
        raise AppsError("there is no such folder", where=str(folder), hint="name the app repository's folder")
    try:
        return Tree(dict(_read_files(folder, _list_paths(folder, known_by))))
    except OSError as error:
        hint = "let whoever runs homeprod read it"
        raise AppsError(
            f"cannot be read: {error.strerror}", where=str(error.filename or folder), hint=hint
        ) from error


def find_repository(folder: Path, known_by: str) -> Path:
    """Where the work tree begins that ``folder`` is in, if it has a folder ``known_by``. Else ``folder``, and so too
    where it has one itself: a repository in the making may lie in another's."""
    if not folder.is_dir() or (folder / known_by).is_dir():
        return folder
    top = Git(folder).ask("rev-parse", "--show-toplevel")
    return Path(top) if top and (Path(top) / known_by).is_dir() else folder


def _list_paths(folder: Path, known_by: str) -> Iterable[str]:
    git = Git(folder)
    try:
        if git.ask("rev-parse", "--is-inside-work-tree") == "true":
            listed = git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
            return sorted({_decode(path).rstrip("/") for path in listed.split(b"\0") if path})
    except (GitError, AppsError):  # a folder with a broken .git, or no git here: it is a folder all the same
        pass
    return _walk(folder) if not known_by or (folder / known_by).is_dir() else ()


def _walk(folder: Path) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = [name for name in folders if name != ".git" and name not in links]
        found += [str(Path(place, name).relative_to(folder)) for name in (*names, *links)]
    return sorted(found)


def _read_files(folder: Path, paths: Iterable[str]) -> Iterable[tuple[str, File]]:
    for path in paths:
        place = folder / path
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):  # git knows it, and somebody has removed it
            continue
        if stat.S_ISLNK(mode):
            yield path, File(Kind.LINK, os.fsencode(place.readlink()))
        elif stat.S_ISDIR(mode):  # git lists a folder only where another repository lies in it
            yield path, File(Kind.SUBMODULE, None)
        elif stat.S_ISREG(mode):
            kind = Kind.PROGRAM if mode & stat.S_IXUSR else Kind.FILE
            yield path, File(kind, place.read_bytes() if place.stat().st_size <= LARGEST else None)


def read_commits(git: Git, commits: Mapping[str, str]) -> dict[str, Tree]:
    """The files of each commit, by its name in ``commits``. Raises AppsError where one is not whole."""
    try:
        listed = {name: _list_tree(git, commit) for name, commit in commits.items()}
        read = [one for files in listed.values() for one in files if one[1] is not Kind.SUBMODULE]
        wanted = {oid for _, _, oid, size in read if size <= LARGEST}
        contents = read_contents(git, sorted(wanted))
    except GitError as error:
        raise AppsError(
            f"a commit cannot be read: {error.word}", where=str(git.folder), hint="see:\n\n  git fsck"
        ) from error
    return {
        name: Tree({path: File(kind, contents.get(oid), oid) for path, kind, oid, _ in files})
        for name, files in listed.items()
    }


def _list_tree(git: Git, commit: str) -> list[tuple[str, Kind, str, int]]:
    """Source: git-ls-tree(1), the long format: mode, type, name of the content, size, a tab, the path."""
    rows = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit).split(b"\0")
    found = []
    for row in rows:
        head, tab, path = row.partition(b"\t")
        if tab:
            mode, _, oid, size = head.decode().split()
            kind = Kind(mode) if mode in {kind.value for kind in Kind} else Kind.FILE
            found.append((_decode(path), kind, oid, int(size) if size.isdecimal() else 0))
    return found


def read_contents(git: Git, oids: list[str]) -> dict[str, bytes]:
    """By their names in git. Raises GitError. Source: git-cat-file(1), BATCH OUTPUT: a line `OID TYPE SIZE`, the
    content, a line end."""
    output = git.run("cat-file", "--batch", given="".join(f"{oid}\n" for oid in oids).encode()) if oids else b""
    found: dict[str, bytes] = {}
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        oid, kind, *size = output[start:end].decode().split()
        if not size:
            raise GitError(f"fatal: {oid} is {kind}")
        length = int(size[0])
        found[oid] = output[end + 1 : end + 1 + length]
        start = end + 2 + length
    return found


def _decode(path: bytes) -> str:
    return os.fsdecode(path)
