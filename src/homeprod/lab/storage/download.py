"""What download-url does behind its task: fetch, check, and only then give the file its name."""

from __future__ import annotations

import hashlib
import os
import ssl
from pathlib import Path

import aiohttp

from homeprod.lab.api.error import ApiError
from homeprod.lab.task import Task

CHUNK = 1024 * 1024
TIMEOUT = aiohttp.ClientTimeout(total=3600, connect=30)


async def download(url: str, target: Path, task: Task, *, verifies: bool, algorithm: str, checksum: str) -> int:
    """Fetch ``url`` into ``target`` and return its size in bytes. Raises ApiError, leaving nothing behind."""
    temporary = target.with_name(f"{target.name}.tmp_dwnl.{task.pid}")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        await _fetch(url, temporary, verifies=verifies)
        if checksum:
            check_file(temporary, algorithm, checksum, task)
        os.replace(temporary, target)  # noqa: PTH105 (atomic by intent, and named so)
    finally:
        temporary.unlink(missing_ok=True)
    size = target.stat().st_size
    task.say(f"download of '{url}' to '{target.name}' finished")
    return size


async def _fetch(url: str, file: Path, *, verifies: bool) -> None:
    context: ssl.SSLContext | bool = ssl.create_default_context() if verifies else False
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as session,
            session.get(url, ssl=context) as response,
        ):
            if response.status != 200:
                raise ApiError(f"download failed: ERROR {response.status}: {response.reason}.")
            with file.open("wb") as target:
                async for chunk in response.content.iter_chunked(CHUNK):
                    target.write(chunk)
    except aiohttp.ClientConnectorError as error:
        # The words are wget's, which is what Proxmox runs.
        words = os.strerror(error.os_error.errno or 0)
        raise ApiError(f"download failed: Connecting to {error.host}:{error.port}... failed: {words}.") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ApiError(f"download failed: {error}") from error


def check_file(file: Path, algorithm: str, checksum: str, task: Task) -> None:
    """Raises ApiError with both sums where they differ."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as source:
        while block := source.read(CHUNK):
            digest.update(block)
    got = digest.hexdigest()
    if got.lower() != checksum.lower():
        task.say("calculating checksum...")
        raise ApiError(f"checksum mismatch: got '{got}' != expect '{checksum}'")
    task.say("calculating checksum...OK, checksum verified")
