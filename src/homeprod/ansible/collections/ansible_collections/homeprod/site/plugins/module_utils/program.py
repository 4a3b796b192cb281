"""A Python program as one file: packages in a zip archive that Python runs, the same bytes from the same files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_BEGIN = b"#!/usr/bin/python3 -I\n"
_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format knows."""
_COMPILED = (".so", ".pyd", ".pyc")


def build_program(main: str, folders: Mapping[str, Path], distributions: tuple[str, ...]) -> bytes:
    """``main`` is ``module:function``. ``folders`` are packages by their names; ``distributions`` installed ones, of
    which what is not Python is left out. Raises LookupError with the name of one that is not installed."""
    module, _, function = main.partition(":")
    files = {"__main__.py": f"import sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n".encode()}
    for package, folder in folders.items():
        files.update({f"{package}/{file.relative_to(folder)}": file.read_bytes() for file in _list_sources(folder)})
    for name in distributions:
        files.update(_list_distribution(name))
    return _BEGIN + _pack(files)


def find_version(name: str) -> str:
    """Raises LookupError."""
    try:
        return distribution(name).version
    except PackageNotFoundError as error:
        raise LookupError(name) from error


def _list_sources(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*.py")) if "__pycache__" not in file.parts)


def _list_distribution(name: str) -> Iterator[tuple[str, bytes]]:
    find_version(name)
    for file in distribution(name).files or ():
        path = file.as_posix()
        is_kept = path.endswith("METADATA") if ".dist-info/" in path else not path.endswith(_COMPILED)
        if is_kept and not path.startswith(("../", "/")):
            yield path, file.read_binary()


def _pack(files: Mapping[str, bytes]) -> bytes:
    """With an entry for each folder: Python finds a namespace package by it."""
    folders = {f"{parent}/" for name in files for parent in map(str, Path(name).parents) if parent != "."}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(folders | files.keys()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o40755 if name.endswith("/") else 0o100644) << 16
            archive.writestr(entry, files.get(name, b""))
    return target.getvalue()
