"""Images by URL: checked by SHA-256, taken up where a cut connection left off."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import requests

from homeprod.core.errors import LabError
from homeprod.lab.image.command import Progress

_CHUNK = 1024 * 1024
_ATTEMPTS = 4
_TIMEOUT = (10, 60)
"""Seconds to connect, and between two pieces."""
_SAY_EVERY = 32 * 1024 * 1024


def download_image(url: str, sha256: str, target: Path, on_progress: Progress) -> None:
    """Fetch ``url`` into ``target``, which appears whole, with the right checksum, or not at all.

    What has come is kept in ``target.part`` when the connection fails for good, and the next call goes on from
    there. Raises LabError.
    """
    part = target.with_name(f"{target.name}.part")
    on_progress(f"downloading {url}")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _fetch(url, part, on_progress)
            break
        except requests.RequestException as error:
            if attempt == _ATTEMPTS:
                raise LabError(
                    f"download failed: {error}", where=url, hint="repeat it: what has come so far is kept"
                ) from error
            on_progress(f"the connection was cut, going on (attempt {attempt + 1} of {_ATTEMPTS})")
    _check(part, sha256, url)
    os.replace(part, target)  # noqa: PTH105 (atomic by intent, and named so)


def _fetch(url: str, part: Path, on_progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    # No compression: the checksum is over the file as it is, and ranges count its bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416:  # nothing after what we have (RFC 9110, 15.5.17): it is whole, or wrong
            return
        if response.status_code not in (200, 206):
            raise LabError(f"the server said {response.status_code} {response.reason}", where=url)
        resumes = response.status_code == 206
        total = int(response.headers.get("Content-Length", 0)) + (have if resumes else 0)
        with part.open("ab" if resumes else "wb") as file:
            said = file.tell()
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                if file.tell() - said >= _SAY_EVERY:
                    said = file.tell()
                    on_progress(_describe(said, total))


def _describe(have: int, total: int) -> str:
    whole = f" of {total // 1024**2} MiB" if total else ""
    return f"{have // 1024**2}{whole or ' MiB'} downloaded"


def _check(part: Path, sha256: str, url: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        part.unlink()
        raise LabError(
            f"wrong checksum: sha256 is {found}, not {sha256}",
            where=url,
            hint="the file has changed at its source, or the checksum was copied wrongly",
        )
