"""Write modules into a site: whole or not at all, never over one that is there, and only such as check clean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.diagnostic import SiteError
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.site.loader import load_site
from homeprod.site.site import Site


@contextmanager
def written_modules(root: Path, texts: Mapping[str, str]) -> Iterator[Site]:
    """Write each text as ``modules/NAME.py`` and give the site with them. Where anything raises meanwhile they are
    taken away again. Raises UsageError for a file that is there, SiteError where the site with them has mistakes, and
    HomeprodError where they cannot be written."""
    files: list[Path] = []
    try:
        for name, text in texts.items():
            files.append(_write(root / "modules" / f"{name}.py", text))
        yield _load(root)
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def _write(file: Path, text: str) -> Path:
    """A link is made whole, and never in place of another file."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.link(temporary, file)
    except FileExistsError:
        hint = "it is never overwritten: choose another name, or move it away"
        raise UsageError("is there already", where=str(file), hint=hint) from None
    except OSError as error:
        raise HomeprodError(f"cannot write the module: {error.strerror}", where=str(file)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _load(root: Path) -> Site:
    try:
        return load_site(root)
    except SiteError as error:
        error.message = "with what would be written " + error.message
        error.hint = (
            "nothing was written; mend this first, then repeat (what homeprod takes over leaves `taken` and"
            " `reserved` of the AddressPlan)"
        )
        raise
