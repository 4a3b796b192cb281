"""What a site's module raised, in the words of whoever wrote it: where, what is wrong, and what to write."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path

from homeprod.core.diagnostic import Diagnostic

_GIVEN = re.compile(r"(\w+)\.__init__\(\) takes (\d+) positional arguments? but (\d+) ")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required [a-z-]+ arguments?: (.*)")
_UNKNOWN = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_IMPORT = re.compile(r"cannot import name '(\w+)' from (partially initialized module )?'([\w.]+)'")
Words = tuple[str, str]
"""A message and a hint."""


def describe_failure(error: Exception | SystemExit, file: Path, root: Path) -> Diagnostic:
    """At the deepest line of the site's own files that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        place, line = Path(error.filename), error.lineno or 1
        return Diagnostic(str(place.relative_to(root)), line, f"does not parse: {error.msg}")
    place, line, code = file, 1, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).is_relative_to(root):
            place, line, code = Path(frame.filename), frame.lineno or 1, frame.line or ""
    message, hint = _explain(error, place, code)
    return Diagnostic(str(place.relative_to(root)), line, message, hint)


def _explain(error: Exception | SystemExit, place: Path, code: str) -> Words:
    text = re.sub(r" \((/|unknown location).*\)$", "", str(error)) or "no message"
    if isinstance(error, ImportError):
        return _explain_import(error, text)
    if isinstance(error, NameError):
        return f"raises NameError: {text}", _find_name(error.name or "", place)
    if isinstance(error, TypeError) and (words := _explain_call(text, code)):
        return words
    return f"raises {type(error).__name__}: {text}", ""


def _explain_import(error: ImportError, text: str) -> Words:
    if found := _IMPORT.match(text):
        name, half, module = found.groups()
        if half:
            message = f"cannot import {name} from {module}: each of the two imports the other"
            return message, "move what both need into a module of its own, such as modules/_config.py"
        return f"{module} has no {name}", _guess(name, _list_names(module))
    parent, _, name = (error.name or "").rpartition(".")
    known = [file.stem for file in _list_files(parent)]
    return f"cannot import: {text}", _guess(name, known, f"{parent}." if parent else "")


def _explain_call(text: str, code: str) -> Words | None:
    """Python tells of ``__init__`` and counts ``self``."""
    if found := _GIVEN.match(text):
        kind, takes, given = found[1], int(found[2]) - 1, int(found[3]) - 1
        kind = _find_kind(code) if kind == "Declared" else kind
        if not kind:
            return "arguments are given by name", "write NAME=… for each"
        shown = ", ".join(["…"] * takes + [f"{name}=…" for name in _list_named(kind, 1)])
        count = f"{takes} argument{'s' * (takes != 1)} without a name, and is given {given}"
        return f"{kind} takes {count if takes else 'its arguments by name'}", f"write\n\n  {kind}({shown})"
    if found := _MISSING.match(text):
        needed = ", ".join(f"{name}=" for name in re.findall(r"'(\w+)'", found[2]))
        return f"{found[1]} needs {needed}", ""
    if found := _UNKNOWN.match(text):
        known = _list_named(found[1], 100)
        close = get_close_matches(found[2], known, 1)
        return f"{found[1]} has no {found[2]}={f'; is {close[0]}= meant?' if close else ''}", ""
    return None


def _find_kind(code: str) -> str:
    """What is called on that line, where it is one thing of homeprod's alone."""
    kinds = {word for word in re.findall(r"\b(\w+)\(", code) if word in _list_names("homeprod")}
    return kinds.pop() if len(kinds) == 1 else ""


def _list_named(kind: str, most: int) -> list[str]:
    """Arguments by name alone, in their order."""
    made: Callable[..., object] | None = getattr(sys.modules["homeprod"], kind, None)
    given = inspect.signature(made).parameters.values() if made is not None else ()
    return [one.name for one in given if one.kind is inspect.Parameter.KEYWORD_ONLY][:most]


def _find_name(name: str, place: Path) -> str:
    """Where a name that was not imported can be had, or what is meant by it."""
    if name in _list_names("homeprod"):
        return f"write at its top\n\n  from homeprod import {name}"
    for module in sorted(one for one in sys.modules if one.startswith("modules._")):
        if module != f"modules.{place.stem}" and name in _list_names(module):
            return f"write at its top\n\n  from {module} import {name}"
    if (place.parent / f"{name}_vm.py").exists():
        return f'where the machine is meant, write its name:\n\n  "{name.replace("_", "-")}"'
    return _guess(name, _list_names("homeprod"))


def _guess(name: str, known: Iterable[str], before: str = "") -> str:
    close = get_close_matches(name, known, 1, 0.7)
    return f"is {before}{close[0]} meant?" if close else ""


def _list_names(module: str) -> list[str]:
    """What can be imported from a module that is loaded. Of homeprod itself, which is on no floor, that is in a list:
    nothing is imported for it."""
    loaded = sys.modules.get(module)
    names: list[str] = getattr(loaded, "__all__", None) or [*vars(loaded)] if loaded is not None else []
    return [name for name in names if not name.startswith("_")]


def _list_files(package: str) -> list[Path]:
    folders = getattr(sys.modules.get(package), "__path__", ())
    return [file for folder in folders for file in Path(folder).glob("*.py")] if package == "modules" else []
