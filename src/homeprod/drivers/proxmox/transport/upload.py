"""Uploads: one file and its fields as multipart/form-data, sent as it is read.

The order of the fields is Proxmox's own demand: content, checksum-algorithm, checksum, and the file last under the
name ``filename``; anything else is a bare 400 (recorded).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from homeprod.core.errors import ProxmoxError
from homeprod.drivers.proxmox.transport.connection import Connection

ANSWER_TIMEOUT = 600.0
"""Seconds. The front end copies the whole upload to disk before it answers."""


def send_upload(connection: Connection, path: str, filename: str, file: Path | bytes, fields: dict[str, str]) -> str:
    """The UPID of the task that takes the file over."""
    # Here, since it draws in requests, which only an upload needs (0.1 s of every start otherwise).
    from requests_toolbelt import MultipartEncoder

    with _open(file) as stream:
        parts = {**fields, "filename": (filename, stream, "application/octet-stream")}
        encoder = MultipartEncoder(parts)
        return str(connection.send_stream(path, encoder, encoder.len, encoder.content_type, timeout=ANSWER_TIMEOUT))


@contextmanager
def _open(file: Path | bytes) -> Iterator[IO[bytes]]:
    if isinstance(file, bytes):
        yield io.BytesIO(file)
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ProxmoxError(
            f"cannot read the file to upload: {error.strerror}",
            where=str(file),
            hint="it must be there, whole, and yours to read",
        ) from None
    with stream:
        yield stream
