"""Images kept for the next lab: a file for each recipe hash or checksum, whole or not there."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.build import build_image
from homeprod.lab.image.command import Progress
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.recipe import Recipe, find_recipe
from homeprod.lab.image.scratch import sweep

_LOOK_EVERY = 0.2
BUILD_LOCK = ".lock"
"""Held by who builds an image: one at a time, because it takes the whole machine."""


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/homeprod/images`` (XDG Base Directory Specification: ~/.cache where it is not set)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "homeprod" / "images"


def find_image(name: str) -> Path | None:
    """The cached image of the recipe ``name`` as it is now, or None. Raises LabError for an unknown name."""
    file = cache_folder() / find_recipe(name).file_name
    return file if file.exists() else None


def ensure_image(name: str, on_progress: Progress) -> Path:
    """The image of the recipe ``name``, built where it is not cached (1 to 2 minutes, root, the network).

    Who comes second waits for the first and takes its image. Raises LabError.
    """
    recipe = find_recipe(name)
    return ensure(recipe.file_name, lambda target: _build(recipe, target, on_progress), on_progress)


def _build(recipe: Recipe, target: Path, on_progress: Progress) -> None:
    sweep(target.parent)
    on_progress(f"building the image {recipe.name}")
    build_image(recipe, target, on_progress)


def find_download(pin: Pin) -> Path | None:
    """The cached image that ``pin`` names by its checksum, or None."""
    file = cache_folder() / pin.file_name
    return file if file.exists() else None


def ensure_download(pin: Pin, on_progress: Progress) -> Path:
    """The image that ``pin`` names, downloaded where it is not cached. Raises LabError."""
    # Here, because whoever only looks for an image needs no HTTP client, which takes 60 ms to load.
    from homeprod.lab.image.download import download_image

    # A lock of its own: a slow download keeps nobody else from making an image.
    return ensure(
        pin.file_name,
        lambda target: download_image(pin, target, on_progress),
        on_progress,
        lock=f".{pin.file_name}.lock",
    )


def ensure(file_name: str, make: Callable[[Path], None], on_progress: Progress, *, lock: str = BUILD_LOCK) -> Path:
    """The cached file, made by ``make`` where it is missing. ``make`` gets the path to fill in one rename."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot keep images: {error.strerror}", where=str(folder)) from error
    target = folder / file_name
    if target.exists():
        return target
    with _lock(folder / lock, on_progress):
        if not target.exists():
            make(target)
    return target


@contextmanager
def _lock(lock: Path, on_progress: Progress) -> Iterator[None]:
    """One maker at a time. The kernel drops the lock of a killed process, so it is never stale."""
    with lock.open("w") as file:
        said = False
        while not _try_lock(file.fileno()):
            if not said:
                on_progress("waiting for another process that makes an image")
                said = True
            time.sleep(_LOOK_EVERY)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
