"""Moves: what a person says of an app's data, where an app would start with new storage.

Harbormaster keeps an app's data under its name, and compose its volumes under the project's. So under another name an
app starts empty, without a word. ``hosts/HOST/moves.yml`` says that it is known:

    wiki-js:
      from: wiki
      data: moved     # by hand, on the host; or: empty
"""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.apps.document import Scalar, Table, read_document
from homeprod.apps.host import MOVES, Host
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.tree import Tree

_SHOWN = "write:\n\n  NEW:\n    from: OLD\n    data: moved    # or: empty"


@dataclass(frozen=True, slots=True)
class Move:
    source: str
    place: Place


def read_moves(tree: Tree, host: Host, sheet: Sheet) -> dict[str, Move]:
    """By the name of the app that would start with new storage."""
    path = f"{host.folder}/{MOVES}"
    file = tree.get(path)
    document = read_document(file.content, path, sheet) if file is not None and file.content is not None else None
    if document is None or (isinstance(document, Scalar) and document.value is None):
        return {}
    if not isinstance(document, Table):
        sheet.refuse(document.place, "names of apps are expected, each with from and data", _SHOWN)
        return {}
    found: dict[str, Move] = {}
    for name, value in document:
        texts = {key: one.text for key, one in value if isinstance(one, Scalar)} if isinstance(value, Table) else {}
        if {*texts} != {"from", "data"} or texts["data"] not in ("moved", "empty"):
            sheet.refuse(document.find(name), f"{name}: from and data are expected, data: moved or empty", _SHOWN)
        elif host.get(name) is None:
            sheet.refuse(document.find(name), f"{host.name} has no app {name!r}", "take its lines away")
        else:
            found[name] = Move(texts["from"], document.find(name))
    return found
