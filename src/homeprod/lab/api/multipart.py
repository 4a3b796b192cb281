"""Uploads: the multipart body as Proxmox's own small parser reads it, streamed to a file."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

from homeprod.lab.api.error import ApiError

_FIELDS = ("content", "checksum-algorithm", "checksum")
"""In this order, each at most once, and nothing else: Proxmox answers a bare 400 otherwise."""


async def receive_upload(request: web.BaseRequest, folder: Path) -> dict[str, Any]:
    """The upload's fields, ``filename``, and ``tmpfilename``: where its content now lies. The caller owns that file.

    Raises ApiError for a body that Proxmox would not take.
    """
    content_type = request.headers.get("Content-Type", "")
    if not content_type.startswith("multipart/form-data"):
        raise ApiError(f"upload 'Content-Type '{content_type}' not implemented", status=506, is_bare=True)
    if 'boundary="' in content_type:
        raise ApiError("upload failed", is_bare=True)
    fields: dict[str, Any] = {}
    reader = await request.multipart()
    position = 0
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise _bad_request()
        if part.filename is not None:
            return {**fields, **await _receive_file(part, folder)}
        name = part.name or ""
        if name not in _FIELDS[position:]:
            raise _bad_request()
        position = _FIELDS.index(name) + 1
        fields[name] = (await part.read(decode=False)).decode("utf-8", "replace")
    raise _bad_request()


def _bad_request() -> ApiError:
    return ApiError("Bad Request", status=400, is_bare=True)


async def _receive_file(part: BodyPartReader, folder: Path) -> dict[str, Any]:
    if part.name != "filename":
        raise ApiError(f"wrong field name '{part.name}' for file upload, expected 'filename'", is_bare=True)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"pveupload-{secrets.token_hex(16)}"
    try:
        with file.open("wb") as target:
            while chunk := await part.read_chunk(256 * 1024):
                target.write(chunk)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return {"filename": part.filename or "", "tmpfilename": str(file)}


def clean_filename(name: str) -> str:
    """The name that Proxmox keeps: the last part of the path, odd characters as ``_``."""
    return re.sub(r"[^-a-zA-Z0-9_.]", "_", re.split(r"[/\\]", name)[-1])
