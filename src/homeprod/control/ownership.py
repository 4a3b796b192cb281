"""Folders given to other users, by root: what lies in them may be a trap that such a user has set.

A link is never followed, at no place of a path that the user could change: else whoever has taken the daemon over
would be given any file of the machine at the next installation.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from homeprod.core.errors import ControlError


def give_tree(folder: Path, uid: int, gid: int) -> None:
    """With everything in it. What lies above the folder must be root's own. Raises OSError."""
    for _, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
        os.chown(handle, uid, gid)
        for name in (*folders, *files):
            os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)


def make_given(above: Path, names: tuple[str, ...], uid: int, gid: int) -> None:
    """The folder of these names, one in the other, made where it is missing and for that user alone. Raises
    ControlError where one of them is a link, or no folder."""
    handle = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for name in names:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=handle)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        os.fchown(handle, uid, gid)
        os.fchmod(handle, 0o700)
    except OSError as error:
        where = str(above.joinpath(*names))
        hint = f"nothing that homeprod makes is there: look what it is, and take it away\n\n  ls -ld {where}"
        raise ControlError(f"cannot make the folder: {error.strerror}", where=where, hint=hint) from error
    finally:
        os.close(handle)
