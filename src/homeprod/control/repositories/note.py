"""Notes of the playbook repository: fetched as anybody may have pushed them, and read within bounds.

Source: git-notes(1), git-cat-file(1).
"""

from __future__ import annotations

import asyncio

from homeprod.control.repositories.errors import GitError
from homeprod.control.repositories.git import QUIET, Git
from homeprod.core.errors import AppsError
from homeprod.drivers.apps.git import Git as Reader
from homeprod.drivers.apps.git import GitError as ReaderError
from homeprod.drivers.apps.tree import read_contents
from homeprod.promotion.notes import NOTES, choose_notes

FETCHED_NOTES = "refs/notes/fetched"
"""git-notes(1) knows none elsewhere."""


async def fetch_notes(git: Git, address: str) -> None:
    """A repository without any is one where nobody has tried anything. Raises GitError."""
    try:
        refspec = f"+{NOTES}:{FETCHED_NOTES}"
        await git.run("fetch", "--no-tags", "--quiet", "--no-write-fetch-head", "--", address, refspec)
    except GitError as error:
        if "couldn't find remote ref" not in error.output:
            raise


async def read_note_texts(git: Git, ref: str) -> dict[str, str | None]:
    """By the commit that each note stands on; None for one that is too large, or no text. Raises GitError."""
    listed = (await git.run("notes", "--ref", ref, "list")).decode().splitlines()
    blobs = {commit: blob for blob, commit in (line.split() for line in listed)}
    names = "".join(f"{blob}\n" for blob in sorted(set(blobs.values())))
    rows = (await git.run("cat-file", "--batch-check", given=names.encode())).decode().splitlines() if names else []
    known = (row.split() for row in rows)
    wanted = choose_notes({row[0]: int(row[2]) for row in known if len(row) == 3 and row[1] == "blob"})
    contents = await asyncio.to_thread(_read, git, sorted(wanted))
    texts = {blob: content.decode(errors="replace") for blob, content in contents.items()}
    return {commit: texts.get(blob) for commit, blob in sorted(blobs.items())}


def _read(git: Git, blobs: list[str]) -> dict[str, bytes]:
    """All by one process: there may be thousands."""
    try:
        return read_contents(Reader(git.folder, QUIET), blobs)
    except (ReaderError, AppsError) as error:
        raise GitError(str(error)) from error
