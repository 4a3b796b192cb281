"""Whose a file in the playbook repository is, and which of the site's own were left there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from homeprod.cli.pictures import PICTURES_FOLDER
from homeprod.core.errors import HomeprodError
from homeprod.network.rendered.files import ENTRY_FOLDER
from homeprod.site.rendered.files import FOLDER
from homeprod.site.rendered.heading import find_owner
from homeprod.site.site import Site

_PARTS = (ENTRY_FOLDER, PICTURES_FOLDER)
_HEAD = 1000
"""Characters: the first line of a file is well within them."""


def list_left(folder: Path, site: Site, wanted: Mapping[str, str]) -> list[str]:
    """Files that were rendered, of control nodes and parts of the way in that the site has no more. Raises
    HomeprodError where one is another site's: it is the wrong repository, and its control node would lose what it
    goes by; or where somebody else's stands where one is to be written."""
    left = []
    for name, owner in _list_owners(folder):
        if owner not in ("", site.config.id):
            message = f"belongs to another site: its id is {owner}, and this one's {site.config.id}"
            hint = "each site has a playbook repository of its own; is --to the right one?"
            raise HomeprodError(message, where=str(folder / name), hint=hint)
        if not owner and name in wanted and name.startswith((f"{ENTRY_FOLDER}/", f"{PICTURES_FOLDER}/")):
            hint = f"homeprod writes there; move it to somewhere outside of {FOLDER}/"
            raise HomeprodError("was not written by `homeprod render`", where=str(folder / name), hint=hint)
        if owner and name not in wanted:
            left.append(name)
    return sorted(left)


def _list_owners(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file that may be ours, and the id of the site that rendered it; empty where it is something else."""
    for file in sorted((folder / FOLDER).glob("*.json")):
        yield f"{FOLDER}/{file.name}", _find_settings_owner(_read_text(file))
    for file in sorted(file for part in _PARTS for file in (folder / part).rglob("*")):
        if not file.is_dir():
            yield str(file.relative_to(folder)), find_owner(_read_text(file)[:_HEAD])


def _find_settings_owner(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    return str(found.get("site_id", "")) if isinstance(found, dict) and "node" in found else ""


def _read_text(file: Path) -> str:
    """Raises HomeprodError."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise HomeprodError(f"cannot read it: {error.strerror}", where=str(file)) from error
