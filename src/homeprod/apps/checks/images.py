"""Images that can change though nothing is published: no tag, ``latest``, a base that is not pinned."""

from __future__ import annotations

import posixpath
import re

from homeprod.apps.document import Scalar, Table, Value
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import Part, Stack

_ARGUMENT = re.compile(r"^\s*ARG\s+(\w+)=[\"']?([^\s\"']+)", re.IGNORECASE)
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


def note_images(stack: Stack, sheet: Sheet) -> None:
    for part, name, service in stack.list_tables("services"):
        build, image = service.get("build"), service.get("image")
        if build is not None:
            _note_build(stack, part, name, build, sheet)
        elif image is not None:
            problem = _judge(stack.read(image) or "")
            if problem:
                sheet.note(
                    image.place, f"service {name}: {problem}", "name a version, so that publishing alone moves it"
                )


def _judge(image: str) -> str:
    """What is loose about it; empty for one that stays what it is, or that cannot be told."""
    if not image or "@sha256:" in image or image == "scratch":
        return ""
    _, sign, tag = image.rpartition("/")[2].partition(":")
    if not sign:
        return f"{image} has no tag, so latest is meant"
    return f"{image} is whatever is the latest" if tag == "latest" else ""


def _note_build(stack: Stack, part: Part, name: str, build: Value, sheet: Sheet) -> None:
    table = build if isinstance(build, Table) else None
    context = stack.read(build if isinstance(build, Scalar) else table.get("context") if table else None) or "."
    inline = table.get("dockerfile_inline") if table else None
    if isinstance(inline, Scalar):
        _note_bases(inline.text, name, inline.place, sheet, is_file=False)
        return
    if "://" in context or context.startswith("git@"):
        if "#" not in context:
            sheet.note(
                build.place, f"service {name}: {context} is built as it is just then", "name a commit behind #"
            )
        return
    file = stack.read(table.get("dockerfile") if table else None) or "Dockerfile"
    path = posixpath.normpath(posixpath.join(stack.find_folder(part), context, file))
    found = stack.content.get(path)
    if found is None and not path.startswith("../"):  # which the mounts tell
        sheet.refuse(
            build.place, f"service {name}: there is no {path} to build by", f"it would lie in {stack.folder}/"
        )
    elif found is not None and found.content is not None:
        text = found.content.decode(errors="replace")
        _note_bases(text, name, Place(f"{stack.folder}/{path}"), sheet, is_file=True)


def _note_bases(text: str, name: str, place: Place, sheet: Sheet, *, is_file: bool) -> None:
    """Rules from outside: Dockerfile reference, FROM and ARG (one before the first FROM counts for it)."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if found := _ARGUMENT.match(line):
            arguments[found[1]] = found[2]
        if found := _FROM.match(line):
            image = re.sub(r"\$\{?(\w+)\}?", lambda match: arguments.get(match[1], match[0]), found[1])
            problem = "" if image.lower() in stages or "$" in image else _judge(image)
            if problem:
                at = Place(place.file, number) if is_file else place
                sheet.note(
                    at, f"service {name} is built from what may change: {problem}", "name a version or a digest"
                )
            stages.add((found[2] or "").lower())
