"""Images that homeprod brings itself, for nodes without a way out: downloaded here, checked, and kept."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import urllib3

from homeprod.core.errors import HomeprodError
from homeprod.site.place import Image

CHUNK = 1024 * 1024
SAY_EVERY = 64 * CHUNK
TIMEOUT = urllib3.Timeout(connect=15, read=60)


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/homeprod/uploads`` (XDG Base Directory Specification: ~/.cache where it is not set)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "homeprod" / "uploads"


def bring_image(image: Image, say: Callable[[str], None]) -> Path:
    """The image as a local file whose checksum is right. Raises HomeprodError."""
    if image.url.startswith("file:"):
        file = Path(urllib.parse.unquote(urllib.parse.urlsplit(image.url).path))
        _check(image, file)
        return file
    target = cache_folder() / f"{image.checksum[:32]}{Path(image.url).suffix}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            _download(image.url, part, say)
            _check(image, part)
            os.replace(part, target)  # noqa: PTH105 (atomic by intent, and named so)
        finally:
            part.unlink(missing_ok=True)
    return target


def _download(url: str, part: Path, say: Callable[[str], None]) -> None:
    try:
        with (
            urllib3.PoolManager() as pool,
            pool.request("GET", url, preload_content=False, timeout=TIMEOUT, retries=3) as answer,
            part.open("wb") as file,
        ):
            if answer.status != 200:
                raise HomeprodError(f"the server said {answer.status} {answer.reason or ''}".strip(), where=url)
            said = 0
            for chunk in answer.stream(CHUNK):
                file.write(chunk)
                if file.tell() - said >= SAY_EVERY:
                    said = file.tell()
                    say(f"{said // 1024**2} MiB downloaded")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise HomeprodError(f"download failed: {error}", where=url, hint="check the URL and the network") from None


def _check(image: Image, file: Path) -> None:
    try:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, image.algorithm).hexdigest()
    except OSError as error:
        raise HomeprodError(f"cannot read the image: {error.strerror}", where=str(file)) from None
    if found != image.checksum:
        raise HomeprodError(
            f"wrong checksum: {image.algorithm} is {found}, not {image.checksum}",
            where=image.url,
            hint="compare the image's checksum with the one its publisher gives",
        )
